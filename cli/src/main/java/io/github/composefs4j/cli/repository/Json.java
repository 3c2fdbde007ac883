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

  /** Bytes of names that are not UTF-8 would not be JSON: they become escaped lone surrogates. */
  private static String escaped(String json) {
    StringBuilder text = new StringBuilder(json.length());
    for (int i = 0; i < json.length(); ) {
      int c = json.codePointAt(i);
      i += Character.charCount(c);
      if (Character.MIN_SURROGATE <= c && c <= Character.MAX_SURROGATE) {
        text.append("\\u").append(Integer.toHexString(c));
      } else {
        text.appendCodePoint(c);
      }
    }
    return text.toString();
  }

  /** Prints one value. */
  public static void print(Console console, Content content) throws IOException {
    StringWriter text = new StringWriter();
    JsonWriter writer = new JsonWriter(text);
    writer.setIndent("  ");
    content.write(writer);
    console.println(escaped(text.toString()));
  }
}
