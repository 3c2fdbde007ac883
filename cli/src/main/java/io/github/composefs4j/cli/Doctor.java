package io.github.composefs4j.cli;

import io.github.composefs4j.linux.Diagnosis;
import io.github.composefs4j.linux.Finding;
import io.github.composefs4j.linux.LinuxPlatform;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** {@code composefs doctor}: what this kernel, file system and user allow, and remedies. */
final class Doctor implements Command {
  @Override
  public String usage() {
    return "doctor [DIRECTORY]";
  }

  @Override
  public List<GetOpt.Option> options() {
    return List.of();
  }

  @Override
  public int run(List<String> args, Console console) throws IOException, UsageException {
    List<String> operands = GetOpt.parse(options(), args, false, (_, _) -> {});
    if (operands.size() > 1) {
      throw new UsageException("one directory at most; usage: " + usage());
    }
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
    console.out().write(text.toString().getBytes(StandardCharsets.UTF_8));
    console.out().flush();
    return 0;
  }
}
