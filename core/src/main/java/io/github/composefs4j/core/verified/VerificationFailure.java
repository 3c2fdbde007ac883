package io.github.composefs4j.core.verified;

import io.github.composefs4j.core.errors.DigestMismatchException;
import java.lang.System.Logger.Level;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;

/** What is told of a failure: a line in the log, and an event where there is a flight recorder. */
final class VerificationFailure {
  /** A run-time image may come without the recorder. */
  private static final boolean RECORDER = ModuleLayer.boot().findModule("jdk.jfr").isPresent();

  private VerificationFailure() {}

  /**
   * {@return this package's logger} Sought when there is something to say: the search for a
   * program's loggers opens every jar, which a command of a tenth of a second would feel.
   */
  static System.Logger logger() {
    return System.getLogger("io.github.composefs4j.core.verified");
  }

  static void tell(DigestMismatchException e) {
    logger().log(Level.WARNING, e.getMessage());
    if (RECORDER) {
      Recorded.commit(e);
    }
  }

  @Name("io.github.composefs4j.VerificationFailure")
  @Label("Verification Failure")
  @Description("Content did not match its fs-verity digest")
  @Category("composefs")
  static final class Recorded extends Event {
    @Label("Subject")
    String subject = "";

    @Label("Block")
    @Description("Number of the 4096-byte block, -1 for all of the content")
    long block;

    @Label("Expected")
    String expected = "";

    @Label("Actual")
    String actual = "";

    static void commit(DigestMismatchException e) {
      Recorded event = new Recorded();
      if (event.shouldCommit()) {
        event.subject = e.subject();
        event.block = e.block();
        event.expected = e.expected();
        event.actual = e.actual();
        event.commit();
      }
    }
  }
}
