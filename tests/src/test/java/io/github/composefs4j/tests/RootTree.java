package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A small root directory with a shell and some programs of this machine, as an image. */
final class RootTree {
  private static final String[] PROGRAMS = {"sh", "cat", "sleep", "readlink", "ls", "id"};
  private static final Pattern LIBRARY = Pattern.compile("(/[^ ]+) \\(0x");

  private RootTree() {}

  /** {@return the image; readable by all, as are the objects} */
  static Path image(Path scratch, Path objects) throws Exception {
    Path root = Files.createDirectory(scratch.resolve("root-tree"));
    for (String name : new String[] {"bin", "proc", "sys", "dev", "tmp"}) {
      Files.createDirectory(root.resolve(name));
    }
    Files.writeString(root.resolve("greeting"), "hello from the image\n");
    Files.writeString(root.resolve("large"), "0123456789abcdef".repeat(20_000));
    for (String program : PROGRAMS) {
      Path file = Path.of("/bin", program).toRealPath();
      Files.copy(file, root.resolve("bin").resolve(program), StandardCopyOption.COPY_ATTRIBUTES);
      Matcher libraries = LIBRARY.matcher(Tool.run("ldd", file.toString()).out());
      while (libraries.find()) {
        Path library = root.resolve(libraries.group(1).substring(1));
        Files.createDirectories(library.getParent());
        if (!Files.exists(library, LinkOption.NOFOLLOW_LINKS)) {
          Files.copy(Path.of(libraries.group(1)), library);
        }
      }
    }
    Path image = scratch.resolve("root.cfs");
    Tool.Result made =
        Tool.composefs(
            "mkcomposefs", "--digest-store=" + objects, root.toString(), image.toString());
    assertThat(made.err()).isEmpty();
    assertThat(made.status()).isZero();
    return image;
  }
}
