package io.github.composefs4j.linux;

import io.github.composefs4j.core.errors.ComposefsException;
import java.util.List;

/**
 * A mount failed. The message is one line: what failed, why, and what to do where that is known.
 */
public final class MountException extends ComposefsException {
  private static final long serialVersionUID = 1L;

  private final int errno;
  private final List<String> kernelMessages;

  /** A failure found without asking the kernel. */
  public MountException(String message) {
    this(message, 0, List.of());
  }

  /**
   * A failure the kernel reported.
   *
   * @param errno positive; 0 if no call failed
   */
  public MountException(String message, int errno, List<String> kernelMessages) {
    super(
        kernelMessages.isEmpty()
            ? message
            : message + " (kernel: " + String.join("; ", kernelMessages) + ")");
    this.errno = errno;
    this.kernelMessages = List.copyOf(kernelMessages);
  }

  /** {@return the error number of the call that failed; 0 if none was made} */
  public int errno() {
    return errno;
  }

  /** {@return whether a message of the kernel has these words in it} */
  boolean kernelSays(String words) {
    for (String message : kernelMessages) {
      if (message.contains(words)) {
        return true;
      }
    }
    return false;
  }

  /** {@return what the kernel said about the failure, oldest first; may be empty} */
  public List<String> kernelMessages() {
    return kernelMessages;
  }
}
