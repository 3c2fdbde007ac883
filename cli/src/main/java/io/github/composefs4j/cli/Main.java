package io.github.composefs4j.cli;

/** Entry point of every command. */
public final class Main {
  private Main() {}

  /** Runs the command that the arguments name. */
  public static void main(String[] args) {
    System.exit(args.length);
  }
}
