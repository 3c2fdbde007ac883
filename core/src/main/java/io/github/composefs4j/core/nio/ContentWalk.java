package io.github.composefs4j.core.nio;

import io.github.composefs4j.core.erofs.ImageInode;
import io.github.composefs4j.core.erofs.ImageWalk;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Each content of an image once. For one thread. */
final class ContentWalk extends Spliterators.AbstractSpliterator<DistinctContent> {
  private final ComposefsFileSystem fileSystem;
  private final ImageWalk walk;
  private final Set<Digest> seen = new HashSet<>();

  ContentWalk(ComposefsFileSystem fileSystem) {
    super(Long.MAX_VALUE, Spliterator.ORDERED | Spliterator.DISTINCT | Spliterator.NONNULL);
    this.fileSystem = fileSystem;
    this.walk = new ImageWalk(fileSystem.image());
  }

  @Override
  public boolean tryAdvance(Consumer<? super DistinctContent> action) {
    try {
      fileSystem.requireOpen();
      while (walk.next()) {
        ImageInode inode = walk.inode();
        if (!inode.isRegular() || walk.isRepeated()) {
          continue;
        }
        Digest digest = digest(inode);
        if (digest == null || seen.add(digest)) {
          byte[] path = Arrays.copyOf(walk.pathArray(), walk.pathLength());
          action.accept(
              new DistinctContent(
                  ComposefsPath.of(fileSystem, path), inode.size(), Optional.ofNullable(digest)));
          return true;
        }
      }
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static @Nullable Digest digest(ImageInode inode) throws IOException {
    return inode.isExternal() && inode.size() > 0
        ? inode.attributes().digest()
        : VerityHasher.digest(HashAlgorithm.SHA256, inode.content());
  }
}
