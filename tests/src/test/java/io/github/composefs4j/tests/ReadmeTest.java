package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The library example of the README compiles. */
class ReadmeTest {
  @TempDir Path classes;

  @Test
  void exampleCompiles() throws IOException {
    String readme = Files.readString(Path.of("..", "README.md"));
    int start = readme.indexOf("```java\n") + 8;
    assertThat(start).isGreaterThan(8);
    String example = readme.substring(start, readme.indexOf("```", start));
    String source =
        """
        import static java.nio.file.StandardOpenOption.*;
        import io.github.composefs4j.core.dump.*;
        import io.github.composefs4j.core.erofs.*;
        import io.github.composefs4j.core.scan.*;
        import io.github.composefs4j.core.spi.*;
        import io.github.composefs4j.core.tree.*;
        import java.nio.channels.FileChannel;
        import java.nio.file.*;
        import java.util.Map;
        class Example {
          public static void main(String[] args) throws java.io.IOException {
        """
            + example
            + "  }\n}\n";
    DiagnosticCollector<JavaFileObject> problems = new DiagnosticCollector<>();
    JavaFileObject file =
        new SimpleJavaFileObject(URI.create("string:///Example.java"), JavaFileObject.Kind.SOURCE) {
          @Override
          public CharSequence getCharContent(boolean ignore) {
            return source;
          }
        };
    boolean compiled =
        ToolProvider.getSystemJavaCompiler()
            .getTask(
                null,
                null,
                problems,
                List.of(
                    "-d", classes.toString(), "-classpath", System.getProperty("java.class.path")),
                null,
                List.of(file))
            .call();
    assertThat(
            problems.getDiagnostics().stream()
                .filter(problem -> problem.getKind() == Diagnostic.Kind.ERROR))
        .isEmpty();
    assertThat(compiled).isTrue();
  }
}
