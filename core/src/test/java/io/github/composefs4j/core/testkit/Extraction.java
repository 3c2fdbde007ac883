package io.github.composefs4j.core.testkit;

import io.github.composefs4j.core.tree.Content;
import io.github.composefs4j.core.tree.Device;
import io.github.composefs4j.core.tree.Directory;
import io.github.composefs4j.core.tree.Fifo;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.tree.RegularFile;
import io.github.composefs4j.core.tree.Socket;
import io.github.composefs4j.core.tree.Symlink;
import io.github.composefs4j.core.tree.XattrSet;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.math.BigDecimal;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.time.Instant;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/** Copies a sample into a directory of the host, but for devices, FIFOs and sockets. Needs root. */
public final class Extraction {
  private final TreeSample sample;
  private final Map<Inode, Path> done = new IdentityHashMap<>();

  private Extraction(TreeSample sample) {
    this.sample = sample;
  }

  /** {@return the directory, filled with the sample's tree} */
  public static Path extract(TreeSample sample, Path target) throws IOException {
    Tools.require(
        Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0),
        "owners are set by root only");
    Files.createDirectory(target);
    new Extraction(sample).fill(sample.tree().root(), target);
    return target;
  }

  private static Path child(Path parent, byte[] name) {
    StringBuilder uri = new StringBuilder(parent.toUri().toString());
    if (uri.charAt(uri.length() - 1) != '/') {
      uri.append('/');
    }
    for (byte b : name) {
      uri.append('%').append(HexFormat.of().toHexDigits(b));
    }
    return Path.of(URI.create(uri.toString()));
  }

  private void fill(Directory directory, Path path) throws IOException {
    for (int i = 0; i < directory.size(); i++) {
      Inode inode = directory.child(i);
      Path child = child(path, directory.name(i));
      Path known = done.putIfAbsent(inode, child);
      if (known != null) {
        Files.createLink(child, known);
        continue;
      }
      switch (inode) {
        case Directory below -> {
          Files.createDirectory(child);
          fill(below, child);
        }
        case RegularFile file -> write(file, child);
        case Symlink symlink -> link(path, child, symlink.target());
        case Device _, Fifo _, Socket _ -> {
          continue;
        }
      }
      decorate(inode, child);
    }
    decorate(directory, path);
  }

  /** What the text or the paths of the host's file system cannot tell goes another way. */
  private static void link(Path parent, Path link, byte[] target) throws IOException {
    String text = FileName.decode(target);
    if (text.endsWith("/")) {
      run("ln", "-s", "-n", "--", text, link.toString());
    } else if (text.chars().anyMatch(c -> c >= 0xdc80 && c <= 0xdcff)) {
      Files.createSymbolicLink(link, parent.relativize(child(parent, target)));
    } else {
      Files.createSymbolicLink(link, Path.of(text));
    }
  }

  private static void run(String... command) throws IOException {
    try {
      Tools.run(List.of(command));
    } catch (InterruptedException e) {
      throw new InterruptedIOException();
    }
  }

  private static String decimal(Inode inode) {
    return BigDecimal.valueOf(inode.mtimeSeconds())
        .add(BigDecimal.valueOf(inode.mtimeNanos(), 9))
        .toPlainString();
  }

  private void write(RegularFile file, Path path) throws IOException {
    if (file.size() == TreeSample.SPARSE) {
      try (FileChannel out =
          FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        out.write(ByteBuffer.wrap(TreeSample.content(4096)), TreeSample.DATA);
        out.write(ByteBuffer.allocate(1), TreeSample.SPARSE - 1);
      }
      return;
    }
    byte[] inline = file.inlineBytes();
    if (inline != null) {
      Files.write(path, inline);
    } else if (file.content() instanceof Content.External && file.digest() != null) {
      Files.copy(sample.object(file.digest()), path);
    } else {
      Files.createFile(path);
    }
  }

  private static void decorate(Inode inode, Path path) throws IOException {
    LinkOption link = LinkOption.NOFOLLOW_LINKS;
    Files.setAttribute(path, "unix:uid", inode.uid(), link);
    Files.setAttribute(path, "unix:gid", inode.gid(), link);
    if (!(inode instanceof Symlink)) {
      UserDefinedFileAttributeView view =
          Files.getFileAttributeView(path, UserDefinedFileAttributeView.class, link);
      for (XattrSet.Cursor c = inode.xattrs().cursor(); c.next(); ) {
        String name = FileName.decode(c.name());
        if (name.startsWith("user.")) {
          view.write(name.substring(5), ByteBuffer.wrap(c.value()));
        }
      }
      Files.setAttribute(path, "unix:mode", inode.mode() & 07777);
    }
    if (inode.mtimeSeconds() < 0) {
      // Fractions of seconds before 1970 are rounded by the JDK.
      run("touch", "-h", "-d", "@" + decimal(inode), path.toString());
      return;
    }
    FileTime time = FileTime.from(Instant.ofEpochSecond(inode.mtimeSeconds(), inode.mtimeNanos()));
    Files.getFileAttributeView(path, BasicFileAttributeView.class, link).setTimes(time, time, null);
  }
}
