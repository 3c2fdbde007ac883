package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.spi.StoreDirectory.EntryType;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a repository holds, and what its images have in common.
 *
 * @param objects regular files in the object directory that are named as objects
 * @param bytes their sizes, added
 * @param sharedObjects objects of files that more than one image refers to
 * @param sharedBytes their sizes, added
 * @param images every image with an entry, sorted by digest
 */
public record RepositoryUsage(
    long objects, long bytes, long sharedObjects, long sharedBytes, List<ImageUsage> images) {
  /**
   * The objects of an image's files.
   *
   * @param refs what it is called, sorted
   * @param imageBytes size of the image itself
   * @param objects how many
   * @param uniqueBytes sizes of those that no other image refers to: what removing it would free
   * @param sharedBytes sizes of those that others refer to as well
   * @param missing objects that are not there
   */
  public record ImageUsage(
      Digest digest,
      List<String> refs,
      long imageBytes,
      long objects,
      long uniqueBytes,
      long sharedBytes,
      long missing) {}

  private static final class Use {
    private final long size;
    private int images;

    Use(long size) {
      this.size = size;
    }
  }

  /**
   * {@return the usage of a repository} Memory: an entry for every object of an image.
   *
   * @throws IOException if an image cannot be read
   */
  public static RepositoryUsage of(Repository repository) throws IOException {
    return repository.reading(() -> {
      Map<Digest, Use> uses = new HashMap<>();
      Map<Digest, List<Digest>> images = new HashMap<>();
      List<Digest> order = new ArrayList<>();
      for (String entry : repository.entries(Category.IMAGES)) {
        Digest image = repository.object(Category.IMAGES, entry);
        List<Digest> objects = repository.imageObjects(entry);
        order.add(image);
        images.put(image, objects);
        for (Digest digest : objects) {
          Use use = uses.get(digest);
          if (use == null) {
            use = new Use(repository.root().fileSize(Repository.objectPath(digest)));
            uses.put(digest, use);
          }
          use.images++;
        }
      }
      Map<String, List<String>> refs = new HashMap<>();
      for (Ref ref : repository.refs(Category.IMAGES)) {
        refs.computeIfAbsent(ref.entry(), _ -> new ArrayList<>()).add(ref.name());
      }
      List<ImageUsage> usages = new ArrayList<>();
      for (Digest image : order) {
        usages.add(
            usage(
                image,
                refs.getOrDefault(image.hex(), List.of()),
                repository.root().fileSize(Repository.objectPath(image)),
                images.getOrDefault(image, List.of()),
                uses));
      }
      long shared = 0;
      long sharedBytes = 0;
      for (Use use : uses.values()) {
        if (use.images > 1) {
          shared++;
          sharedBytes += Math.max(0, use.size);
        }
      }
      long[] all = count(repository);
      return new RepositoryUsage(all[0], all[1], shared, sharedBytes, List.copyOf(usages));
    });
  }

  private static ImageUsage usage(
      Digest image, List<String> refs, long size, List<Digest> objects, Map<Digest, Use> uses) {
    long unique = 0;
    long shared = 0;
    long missing = 0;
    for (Digest digest : objects) {
      Use use = uses.get(digest);
      if (use == null || use.size < 0) {
        missing++;
      } else if (use.images == 1) {
        unique += use.size;
      } else {
        shared += use.size;
      }
    }
    return new ImageUsage(image, List.copyOf(refs), size, objects.size(), unique, shared, missing);
  }

  /** Number and bytes of all objects. */
  private static long[] count(Repository repository) throws IOException {
    StoreDirectory root = repository.root();
    int rest = 2 * repository.algorithm().size() - 2;
    long[] total = new long[2];
    for (int i = 0; i < 256; i++) {
      String directory = Links.OBJECTS + "/" + (i < 16 ? "0" : "") + Integer.toHexString(i);
      root.list(
          FileName.encode(directory),
          (name, type) -> {
            if (type == EntryType.FILE && name.length == rest) {
              long size = root.fileSize(FileName.encode(directory + "/" + FileName.decode(name)));
              total[0]++;
              total[1] += Math.max(0, size);
            }
          });
    }
    return total;
  }
}
