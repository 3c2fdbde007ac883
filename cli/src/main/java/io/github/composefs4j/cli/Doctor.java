package io.github.composefs4j.cli;

import io.github.composefs4j.cli.command.Arguments;
import io.github.composefs4j.cli.command.Command;
import io.github.composefs4j.cli.command.Console;
import io.github.composefs4j.cli.command.Definition;
import io.github.composefs4j.cli.command.UsageException;
import io.github.composefs4j.linux.Diagnosis;
import io.github.composefs4j.linux.Finding;
import io.github.composefs4j.linux.LinuxPlatform;
import java.io.IOException;
import java.util.List;

/** {@code composefs doctor}: what this kernel, file system and user allow, and remedies. */
final class Doctor implements Command {
  @Override
  public Definition definition() {
    return Definition.command("doctor", "say what this kernel, file system and user allow")
        .optional("DIR", "where images and objects are or shall be; the current directory");
  }

  @Override
  public int run(List<String> operands, Console console) throws IOException, UsageException {
    if (!new LinuxPlatform().isAvailable()) {
      throw new IOException("needs Linux and a JVM started with --enable-native-access");
    }
    StringBuilder text = new StringBuilder();
    for (Finding finding :
        Diagnosis.of(Arguments.path(operands.isEmpty() ? "." : operands.getFirst()))) {
      text.append(
          switch (finding.state()) {
            case YES -> "yes      ";
            case NO -> "no       ";
            case UNKNOWN -> "unknown  ";
          });
      text.append(finding.subject());
      if (!finding.detail().isEmpty()) {
        text.append(": ").append(finding.detail());
      }
      if (!finding.remedy().isEmpty()) {
        text.append("\n           remedy: ").append(finding.remedy());
      }
      text.append('\n');
    }
    console.print(text.toString());
    return 0;
  }
}
