package io.github.composefs4j.core.testkit;

import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.LifecycleMethodExecutionExceptionHandler;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;
import org.opentest4j.TestAbortedException;

/**
 * Where the environment says {@code COMPOSEFS_TESTS_REQUIRE=all}, as on the machines that must have
 * everything, a test that would be skipped for want of something fails instead. Registered for
 * every test by {@code junit-platform.properties}.
 */
public final class NothingSkipped
    implements TestExecutionExceptionHandler, LifecycleMethodExecutionExceptionHandler {
  private final boolean required;

  /** As the environment says. */
  public NothingSkipped() {
    this("all".equals(System.getenv("COMPOSEFS_TESTS_REQUIRE")));
  }

  NothingSkipped(boolean required) {
    this.required = required;
  }

  private void judge(Throwable thrown) throws Throwable {
    if (required && thrown instanceof TestAbortedException) {
      throw new AssertionError("this machine must have what the test " + thrown.getMessage());
    }
    throw thrown;
  }

  @Override
  public void handleTestExecutionException(ExtensionContext context, Throwable thrown)
      throws Throwable {
    judge(thrown);
  }

  @Override
  public void handleBeforeAllMethodExecutionException(ExtensionContext context, Throwable thrown)
      throws Throwable {
    judge(thrown);
  }

  @Override
  public void handleBeforeEachMethodExecutionException(ExtensionContext context, Throwable thrown)
      throws Throwable {
    judge(thrown);
  }
}
