package io.github.composefs4j.cli.repository;

import com.google.gson.stream.JsonWriter;
import io.github.composefs4j.cli.command.Console;
import java.io.IOException;
import java.io.StringWriter;

/** JSON on standard output, indented by two. */
public final class Json {
  private Json() {}

  /** Writes one value. */
  @FunctionalInterface
  public interface Content {
    void write(JsonWriter out) throws IOException;
  }

  /** Prints one value. */
  public static void print(Console console, Content content) throws IOException {
    StringWriter text = new StringWriter();
    JsonWriter writer = new JsonWriter(text);
    writer.setIndent("  ");
    content.write(writer);
    console.println(text.toString());
  }
}
