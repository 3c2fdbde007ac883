package io.github.composefs4j.cli;

import java.util.ResourceBundle;
import org.jspecify.annotations.Nullable;

/**
 * Loggers of these programs, which say nothing: what the library logs for services that run on, a
 * command tells itself, in one line.
 */
public final class QuietLoggers extends System.LoggerFinder {
  /** For the service loader. */
  public QuietLoggers() {}

  @Override
  public System.Logger getLogger(String name, Module module) {
    return new System.Logger() {
      @Override
      public String getName() {
        return name;
      }

      @Override
      public boolean isLoggable(Level level) {
        return false;
      }

      @Override
      public void log(
          Level level,
          @Nullable ResourceBundle bundle,
          @Nullable String text,
          @Nullable Throwable thrown) {}

      @Override
      public void log(
          Level level,
          @Nullable ResourceBundle bundle,
          @Nullable String format,
          @Nullable Object... params) {}
    };
  }
}
