package io.github.composefs4j.cli.mounts;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Where the servers of one user in one mount namespace are found: each has a socket in a directory
 * that nobody else may enter. A message is a list of texts, and so is its answer.
 */
final class Servers {
  /** More than any message has. */
  private static final int TEXTS_MAX = 1 << 16;

  private static final String SUFFIX = ".socket";

  private Servers() {}

  /** {@return where a server of this process listens, or null if there is no place} */
  static @Nullable Path ownSocket() {
    try {
      Path directory = directory(true);
      return directory == null
          ? null
          : directory.resolve(prefix() + ProcessHandle.current().pid() + SUFFIX);
    } catch (IOException e) {
      return null;
    }
  }

  /** {@return the sockets of servers, some of which may be dead} */
  static List<Path> sockets() throws IOException {
    List<Path> sockets = new ArrayList<>();
    Path directory = directory(false);
    if (directory != null) {
      try (DirectoryStream<Path> entries =
          Files.newDirectoryStream(directory, prefix() + "*" + SUFFIX)) {
        entries.forEach(sockets::add);
      }
    }
    return sockets;
  }

  /** Mounts of one mount namespace are nothing to another; nor are rights of a user namespace. */
  private static String prefix() throws IOException {
    return namespace("mnt") + "-" + namespace("user") + "-";
  }

  /** {@return the number in a link like {@code mnt:[4026531841]}} */
  private static String namespace(String type) throws IOException {
    return Files.readSymbolicLink(Path.of("/proc/self/ns", type))
        .toString()
        .replaceAll("[^0-9]", "");
  }

  private static @Nullable Path directory(boolean make) throws IOException {
    int user = (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    List<Path> candidates = new ArrayList<>();
    if (user == 0) {
      candidates.add(Path.of("/run/composefs"));
    }
    String given = System.getenv("XDG_RUNTIME_DIR");
    if (given != null && given.startsWith("/")) {
      candidates.add(Path.of(given, "composefs"));
    }
    candidates.add(Path.of("/tmp/composefs-" + user));
    for (Path candidate : candidates) {
      if (isOwn(candidate, user) || make && isMade(candidate) && isOwn(candidate, user)) {
        return candidate;
      }
    }
    return null;
  }

  /** In {@code /tmp}, another user may have been there first. */
  private static boolean isOwn(Path directory, int user) throws IOException {
    if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    LinkOption link = LinkOption.NOFOLLOW_LINKS;
    int mode = (Integer) Files.getAttribute(directory, "unix:mode", link);
    return Files.getAttribute(directory, "unix:uid", link).equals(user)
        && (mode & 077) == 0
        && Files.isWritable(directory);
  }

  private static boolean isMade(Path directory) {
    try {
      Files.createDirectory(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * {@return the answer of a server, or null if there is none any more: then its socket is gone}
   */
  static @Nullable List<String> ask(Path socket, List<String> message, Duration time)
      throws IOException {
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      CompletableFuture<List<String>> answer = new CompletableFuture<>();
      Thread.ofPlatform()
          .daemon()
          .start(() -> {
            try {
              send(Channels.newOutputStream(channel), message);
              answer.complete(receive(Channels.newInputStream(channel)));
            } catch (IOException | RuntimeException e) {
              answer.completeExceptionally(e);
            }
          });
      return answer.get(time.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ConnectException e) {
      Files.deleteIfExists(socket);
      return null;
    } catch (SocketException e) {
      if (Files.exists(socket)) {
        throw e;
      }
      return null; // it has ended since the directory was read
    } catch (ExecutionException e) {
      return null; // it was just ending
    } catch (TimeoutException e) {
      throw new IOException(socket + ": the server does not answer");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted");
    }
  }

  static void send(OutputStream out, List<String> message) throws IOException {
    DataOutputStream data = new DataOutputStream(new BufferedOutputStream(out));
    data.writeInt(message.size());
    for (String text : message) {
      data.writeUTF(text); // which keeps what is no Unicode, too
    }
    data.flush();
  }

  static List<String> receive(InputStream in) throws IOException {
    DataInputStream data = new DataInputStream(new BufferedInputStream(in));
    int size = data.readInt();
    if (size < 0 || size > TEXTS_MAX) {
      throw new IOException("not a message");
    }
    List<String> message = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      message.add(data.readUTF());
    }
    return message;
  }

  static void closeQuietly(@Nullable Closeable closeable) {
    try {
      if (closeable != null) {
        closeable.close();
      }
    } catch (IOException e) {
      // nobody is left to tell
    }
  }
}
