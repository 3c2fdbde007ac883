package io.github.composefs4j.core.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Proxy;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.Extension;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.opentest4j.TestAbortedException;

/** A skipped test is a failure where everything must be there. */
class NothingSkippedTest {
  private static final ExtensionContext NO_CONTEXT =
      (ExtensionContext)
          Proxy.newProxyInstance(
              NothingSkippedTest.class.getClassLoader(),
              new Class<?>[] {ExtensionContext.class},
              (_, method, _) -> {
                throw new UnsupportedOperationException(method.getName());
              });

  private static Throwable skipped() {
    try {
      Assumptions.assumeTrue(false, "needs a thing");
      throw new IllegalStateException();
    } catch (TestAbortedException e) {
      return e;
    }
  }

  @Test
  void turnsSkipsIntoFailures() {
    NothingSkipped strict = new NothingSkipped(true);
    assertThatThrownBy(() -> strict.handleTestExecutionException(NO_CONTEXT, skipped()))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("needs a thing");
    assertThatThrownBy(() -> strict.handleBeforeEachMethodExecutionException(NO_CONTEXT, skipped()))
        .isInstanceOf(AssertionError.class);
    assertThatThrownBy(() -> strict.handleBeforeAllMethodExecutionException(NO_CONTEXT, skipped()))
        .isInstanceOf(AssertionError.class);
  }

  @Test
  void leavesThemWhereNothingIsAskedFor() {
    assertThatThrownBy(
            () -> new NothingSkipped(false).handleTestExecutionException(NO_CONTEXT, skipped()))
        .isInstanceOf(TestAbortedException.class);
  }

  /** JUnit finds it in every module whose tests use this test kit. */
  @Test
  void isRegistered() {
    assertThat(java.util.ServiceLoader.load(Extension.class))
        .anyMatch(NothingSkipped.class::isInstance);
    assertThat(NothingSkipped.class.getResourceAsStream("/junit-platform.properties"))
        .asString(java.nio.charset.StandardCharsets.UTF_8)
        .contains("autodetection.enabled = true");
  }
}
