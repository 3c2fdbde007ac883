package io.github.composefs4j.cli.command;

/** The command line asks for help: nothing is wrong, and nothing else is done. */
public final class HelpRequest extends UsageException {
  private static final long serialVersionUID = 1L;

  private final boolean onOutput;
  private final int status;

  /**
   * Asks for help.
   *
   * @param onOutput whether it goes to standard output, otherwise to standard error
   * @param status the exit status then
   */
  public HelpRequest(boolean onOutput, int status) {
    super("help");
    this.onOutput = onOutput;
    this.status = status;
  }

  public boolean onOutput() {
    return onOutput;
  }

  public int status() {
    return status;
  }
}
