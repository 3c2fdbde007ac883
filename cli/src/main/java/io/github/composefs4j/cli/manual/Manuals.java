package io.github.composefs4j.cli.manual;

import io.github.composefs4j.cli.command.Entry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Writes manual pages and completion scripts, where packages put them below {@code share}. */
public final class Manuals {
  private Manuals() {}

  /**
   * Writes them.
   *
   * @param share the directory, made if it is missing
   * @param programs all programs, the umbrella first
   */
  public static void write(Path share, List<Entry> programs, String version) throws IOException {
    List<Node> nodes = new ArrayList<>();
    List<String> names = new ArrayList<>();
    for (Entry program : programs) {
      List<Node> all = Node.of(program);
      for (Node node : all) {
        Path file =
            share.resolve("man/man" + node.section() + "/" + node.page() + "." + node.section());
        if (!Files.exists(file)) {
          put(file, ManualPage.of(node, all, version));
        }
      }
      nodes.addAll(all);
      names.add(program.name());
    }
    Path bash = share.resolve("bash-completion/completions");
    Path fish = share.resolve("fish/vendor_completions.d");
    put(bash.resolve(names.getFirst()), Completion.bash(nodes, names));
    for (String other : names.subList(1, names.size())) {
      Files.createSymbolicLink(bash.resolve(other), Path.of(names.getFirst()));
    }
    put(share.resolve("zsh/site-functions/_composefs"), Completion.zsh(nodes, names));
    put(fish.resolve("composefs.fish"), Completion.fish(nodes));
    for (String other : names.subList(1, names.size())) {
      Files.createSymbolicLink(fish.resolve(other + ".fish"), Path.of("composefs.fish"));
    }
  }

  private static void put(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }
}
