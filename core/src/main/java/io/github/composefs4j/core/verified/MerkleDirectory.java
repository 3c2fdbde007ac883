package io.github.composefs4j.core.verified;

import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** Merkle trees in files, named as the objects are. */
record MerkleDirectory(Path directory, boolean keeps) implements MerkleTrees {
  private Path file(Digest digest) {
    return directory.resolve(new String(digest.objectPath(), StandardCharsets.US_ASCII));
  }

  @Override
  public @Nullable ObjectReader open(Digest digest) throws IOException {
    try {
      return ObjectReader.of(FileChannel.open(file(digest), StandardOpenOption.READ));
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  @Override
  public @Nullable Draft begin(Digest digest) throws IOException {
    if (!keeps) {
      return null;
    }
    Path target = file(digest);
    Path parent = target.getParent();
    if (parent == null) {
      throw new IllegalStateException("an object path has a directory");
    }
    Files.createDirectories(parent);
    return new TreeDraft(target, Files.createTempFile(parent, ".tmp", ""));
  }

  private static final class TreeDraft implements Draft {
    private final Path target;
    private final Path temporary;
    private final FileChannel channel;

    TreeDraft(Path target, Path temporary) throws IOException {
      this.target = target;
      this.temporary = temporary;
      this.channel = FileChannel.open(temporary, StandardOpenOption.WRITE);
    }

    @Override
    public void write(long position, byte[] block) throws IOException {
      ByteBuffer buffer = ByteBuffer.wrap(block);
      while (buffer.hasRemaining()) {
        channel.write(buffer, position + buffer.position());
      }
    }

    @Override
    public void commit() throws IOException {
      channel.close();
      // Not synced: after a crash a torn tree is refused block by block, and computed again.
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void close() throws IOException {
      channel.close();
      Files.deleteIfExists(temporary);
    }
  }
}
