package io.github.composefs4j.cli.mounts;

import io.github.composefs4j.core.spi.RawPath;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verified.Verification;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.fuse.MountMode;
import io.github.composefs4j.fuse.ViewOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a server is asked to mount, as a message to another process: all paths are absolute. */
record MountRequest(ViewOptions options, Path target) {
  static final String WORD = "mount";
  private static final int FIXED = 15;
  private static final String NONE = "";

  List<String> encode() {
    List<String> message = new ArrayList<>();
    Digest digest = options.digest();
    MountMode mode = options.mode();
    Verification verification = options.verification();
    String source = options.source();
    message.add(WORD);
    message.add(text(target));
    message.add(text(options.image()));
    message.add(digest == null ? NONE : digest.hex());
    message.add(mode == null ? NONE : mode.name());
    message.add(verification == null ? NONE : verification.name());
    message.add(text(options.upper()));
    message.add(text(options.work()));
    message.add(Boolean.toString(options.readOnly()));
    message.add(Boolean.toString(options.allowOther()));
    message.add(Integer.toString(options.attributes()));
    message.add(Boolean.toString(options.replace()));
    message.add(Boolean.toString(options.uring()));
    message.add(source == null ? NONE : source);
    message.add(text(options.trees()));
    options.objects().forEach(directory -> message.add(text(directory)));
    return message;
  }

  static MountRequest decode(List<String> message) throws IOException {
    try {
      ViewOptions options =
          ViewOptions.of(
                  path(message.get(2)),
                  message.subList(FIXED, message.size()).stream().map(MountRequest::path).toList())
              .withDigest(message.get(3).isEmpty() ? null : Digest.parse(message.get(3)))
              .with(
                  message.get(4).isEmpty() ? null : MountMode.valueOf(message.get(4)),
                  message.get(5).isEmpty() ? null : Verification.valueOf(message.get(5)))
              .withUpper(
                  pathOrNull(message.get(6)),
                  pathOrNull(message.get(7)),
                  !Boolean.parseBoolean(message.get(8)))
              .withAllowOther(Boolean.parseBoolean(message.get(9)))
              .withAttributes(Integer.parseInt(message.get(10)))
              .withReplace(Boolean.parseBoolean(message.get(11)))
              .withUring(Boolean.parseBoolean(message.get(12)))
              .withSource(message.get(13).isEmpty() ? null : message.get(13))
              .withTrees(pathOrNull(message.get(14)));
      return new MountRequest(options, path(message.get(1)));
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      throw new IOException("a request that this version does not know");
    }
  }

  private static String text(@Nullable Path path) {
    return path == null ? NONE : FileName.decode(RawPath.of(path.toAbsolutePath()));
  }

  private static Path path(String text) {
    return RawPath.path(FileName.encode(text));
  }

  private static @Nullable Path pathOrNull(String text) {
    return text.isEmpty() ? null : path(text);
  }
}
