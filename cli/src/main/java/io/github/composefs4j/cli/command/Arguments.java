package io.github.composefs4j.cli.command;

import io.github.composefs4j.core.spi.RawPath;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Values of options and operands. */
public final class Arguments {
  private Arguments() {}

  /**
   * {@return the arguments with their bytes kept} The JVM decodes them in the locale's charset,
   * which loses what is not text there; Linux tells the bytes again.
   */
  public static List<String> exact(String[] args) {
    List<String> decoded = List.of(args);
    boolean plain = true;
    for (String arg : args) {
      for (int i = 0; i < arg.length(); i++) {
        plain &= arg.charAt(i) < 0x80;
      }
    }
    if (plain) {
      return decoded;
    }
    try {
      byte[] all = Files.readAllBytes(Path.of("/proc/self/cmdline"));
      List<String> exact = new ArrayList<>();
      int start = 0;
      for (int i = 0; i < all.length; i++) {
        if (all[i] == 0) {
          byte[] one = java.util.Arrays.copyOfRange(all, start, i);
          exact.add(FileName.decode(one));
          start = i + 1;
        }
      }
      return exact.size() < args.length
          ? decoded
          : exact.subList(exact.size() - args.length, exact.size());
    } catch (IOException e) {
      return decoded;
    }
  }

  /**
   * {@return the path that an argument names, byte for byte}
   *
   * @throws UsageException if it is empty, as an unset variable of a script: not the directory here
   */
  public static Path path(String argument) throws UsageException {
    if (argument.isEmpty()) {
      throw new UsageException("a path is empty");
    }
    boolean plain = true;
    for (int i = 0; i < argument.length(); i++) {
      plain &= argument.charAt(i) < 0x80;
    }
    if (plain) {
      return Path.of(argument);
    }
    return RawPath.path(FileName.encode(argument));
  }

  public static int number(String option, String text, int min) throws UsageException {
    try {
      int value = Integer.parseInt(text.strip());
      if (value >= min) {
        return value;
      }
    } catch (NumberFormatException e) {
      // said below
    }
    throw new UsageException("'" + text + "' is no number for " + option);
  }

  public static HashAlgorithm algorithm(String text) throws UsageException {
    for (HashAlgorithm algorithm : HashAlgorithm.values()) {
      if (algorithm.label().equals(text)) {
        return algorithm;
      }
    }
    throw new UsageException("--hash is sha256 or sha512, not '" + text + "'");
  }

  public static byte[] bytes(String text) {
    return FileName.encode(text);
  }

  public static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
