package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What a repository holds. Sizes are those of content, whatever the file system takes for it.
 *
 * @param objects files in {@code objects/}
 * @param bytes their sizes
 * @param sharedBytes sizes of objects that several images use
 * @param images each image that has an entry, sorted by digest
 */
public record Statistics(long objects, long bytes, long sharedBytes, List<ImageUsage> images) {
  /**
   * What an image uses.
   *
   * @param image its digest
   * @param refs its names, sorted
   * @param objects how many, the image itself included
   * @param bytes their sizes
   * @param uniqueBytes sizes of those that no other image uses
   */
  public record ImageUsage(
      Digest image, List<String> refs, long objects, long bytes, long uniqueBytes) {
    /** {@return sizes of objects that other images use too} */
    public long sharedBytes() {
      return bytes - uniqueBytes;
    }
  }

  private static final class Use {
    final long size;
    int images;

    Use(long size) {
      this.size = size;
    }
  }

  static Statistics of(Repository repository) throws IOException {
    StoreDirectory root = repository.root();
    long[] total = new long[2];
    String top = "objects";
    root.list(
        bytes(top),
        (directory, type) -> {
          if (type == StoreDirectory.EntryType.DIRECTORY && directory.length == 2) {
            String below = top + "/" + new String(directory, StandardCharsets.ISO_8859_1) + "/";
            root.list(
                bytes(below),
                (name, _) -> {
                  long size =
                      root.fileSize(bytes(below + new String(name, StandardCharsets.ISO_8859_1)));
                  if (size >= 0) {
                    total[0]++;
                    total[1] += size;
                  }
                });
          }
        });
    Map<String, List<String>> names = new HashMap<>();
    for (Ref ref : repository.refs(Category.IMAGES)) {
      names.computeIfAbsent(ref.entry(), _ -> new ArrayList<>()).add(ref.name());
    }
    Map<Digest, Use> uses = new HashMap<>();
    Map<Digest, Set<Digest>> images = new TreeMap<>();
    for (String entry : repository.entries(Category.IMAGES)) {
      Digest image = repository.object(Category.IMAGES, entry);
      Set<Digest> used = new HashSet<>();
      used.add(image);
      try (ErofsImage open = repository.openImage(image)) {
        used.addAll(ImageAccess.objects(open, repository.algorithm()));
      }
      for (Digest digest : used) {
        Use use = uses.get(digest);
        if (use == null) {
          use = new Use(Math.max(0, root.fileSize(Repository.objectPath(digest))));
          uses.put(digest, use);
        }
        use.images++;
      }
      images.put(image, used);
    }
    List<ImageUsage> usages = new ArrayList<>();
    images.forEach((image, used) -> {
      long bytes = 0;
      long unique = 0;
      for (Digest digest : used) {
        Use use = uses.get(digest);
        if (use != null) {
          bytes += use.size;
          unique += use.images == 1 ? use.size : 0;
        }
      }
      usages.add(
          new ImageUsage(
              image, names.getOrDefault(image.hex(), List.of()), used.size(), bytes, unique));
    });
    long shared =
        uses.values().stream().filter(use -> use.images > 1).mapToLong(use -> use.size).sum();
    return new Statistics(total[0], total[1], shared, List.copyOf(usages));
  }

  private static byte[] bytes(String path) {
    return path.getBytes(StandardCharsets.ISO_8859_1);
  }
}
