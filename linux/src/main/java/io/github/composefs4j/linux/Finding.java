package io.github.composefs4j.linux;

/**
 * One thing that a kernel, a file system or a user allows or not.
 *
 * @param subject what was looked at, a few words
 * @param state whether it works
 * @param detail what was seen: one line, perhaps empty
 * @param remedy what to do about it; empty if nothing has to be or can be done
 */
public record Finding(String subject, State state, String detail, String remedy) {
  /** Whether something works. */
  public enum State {
    /** It works. */
    YES,
    /** It does not. */
    NO,
    /** It could not be tried. */
    UNKNOWN
  }
}
