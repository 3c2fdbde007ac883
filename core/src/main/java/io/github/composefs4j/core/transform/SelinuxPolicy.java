package io.github.composefs4j.core.transform;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.tree.Content;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.RegularFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The labels that the SELinux policy inside a tree gives to paths (oci.md, 8.1 to 8.3). Paths are
 * bytes, each a char of a string. For one thread.
 */
final class SelinuxPolicy {
  private static final String DIRECTORY = "/etc/selinux";
  private static final Pattern WHITE_SPACE =
      Pattern.compile("\\s+", Pattern.UNICODE_CHARACTER_CLASS);

  private final FileContexts contexts = new FileContexts();
  private final Map<String, String> aliases = new HashMap<>();

  private SelinuxPolicy() {}

  /** {@return the policy of a tree, or null if it has none} */
  static @Nullable SelinuxPolicy read(FileTree tree, FileContents contents) throws IOException {
    if (!(tree.find(DIRECTORY) instanceof Directory)) {
      return null;
    }
    String config = text(tree, DIRECTORY + "/config", contents);
    String name = config == null ? null : name(config);
    if (name == null) {
      return null;
    }
    String files = DIRECTORY + "/" + name + "/contexts/files/";
    SelinuxPolicy policy = new SelinuxPolicy();
    String path = files + "file_contexts";
    String main = text(tree, path, contents);
    if (main == null) {
      throw new ComposefsException(path + " is missing in the tree");
    }
    policy.addContexts(path, main);
    for (String optional : new String[] {".local", ".homedirs"}) {
      String more = text(tree, path + optional, contents);
      if (more != null) {
        policy.addContexts(path + optional, more);
      }
    }
    for (String optional : new String[] {".subs", ".subs_dist"}) {
      String more = text(tree, path + optional, contents);
      if (more != null) {
        policy.addAliases(path + optional, more);
      }
    }
    return policy;
  }

  private static @Nullable String name(String config) {
    for (String line : config.split("\n", -1)) {
      int equals = line.indexOf('=');
      if (equals >= 0 && line.substring(0, equals).strip().equalsIgnoreCase("SELINUXTYPE")) {
        return line.substring(equals + 1).strip();
      }
    }
    return null;
  }

  private static @Nullable String text(FileTree tree, String path, FileContents contents)
      throws IOException {
    Inode inode = tree.find(path);
    if (inode == null) {
      return null;
    }
    if (!(inode instanceof RegularFile file)) {
      throw new ComposefsException(path + " is not a regular file");
    }
    if (file.size() > FileContents.SIZE_MAX) {
      throw new ComposefsException(path + ": a policy file of " + file.size() + " bytes");
    }
    byte[] bytes =
        file.content() instanceof Content.Inline inline
            ? inline.bytes()
            : contents.read(path, file);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new ComposefsException(path + " is not UTF-8", e);
    }
  }

  private interface LineUser {
    void accept(String[] fields) throws ComposefsException;
  }

  private static void forEachLine(String path, String text, LineUser user)
      throws ComposefsException {
    int number = 0;
    for (String line : text.split("\n", -1)) {
      number++;
      String stripped = WHITE_SPACE.matcher(line).replaceAll(" ").strip();
      if (stripped.isEmpty() || stripped.startsWith("#")) {
        continue;
      }
      try {
        user.accept(stripped.split(" ", -1));
      } catch (ComposefsException e) {
        throw new ComposefsException(path + ":" + number + ": " + e.getMessage(), e);
      }
    }
  }

  private void addContexts(String path, String text) throws ComposefsException {
    forEachLine(
        path,
        text,
        fields -> {
          if (fields.length == 2) {
            contexts.add(fields[0], null, fields[1]);
          } else if (fields.length == 3 && fields[1].matches("-[bcdpls-]")) {
            contexts.add(fields[0], fields[1].charAt(1), fields[2]);
          } else {
            throw new ComposefsException("neither 'REGEX CONTEXT' nor 'REGEX -TYPE CONTEXT'");
          }
        });
  }

  private void addAliases(String path, String text) throws ComposefsException {
    forEachLine(
        path,
        text,
        fields -> {
          if (fields.length != 2) {
            throw new ComposefsException("not 'ALIAS ORIGINAL'");
          }
          aliases.put(bytes(fields[0]), bytes(fields[1]));
        });
  }

  private static String bytes(String text) {
    return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
  }

  /** {@return the path that stands for this one, also for all below it} */
  String effective(String path) {
    return aliases.getOrDefault(path, path);
  }

  /** {@return the label of an effective path, or null for none} */
  @Nullable String label(String path, char type) throws ComposefsException {
    return contexts.label(path + type);
  }
}
