package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.sources.SourceStatus;
import io.github.composefs4j.core.sources.UnionObjectStore;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.spi.StoreDirectory.EntryType;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a repository holds, and what its images have in common.
 *
 * @param objects regular files in the object directory that are named as objects
 * @param bytes their sizes, added
 * @param sharedObjects objects of files that more than one image refers to
 * @param sharedBytes their sizes, added
 * @param images every image with an entry, sorted by digest
 * @param sources what the other sources have of the images' objects, in their order
 */
public record RepositoryUsage(
    long objects,
    long bytes,
    long sharedObjects,
    long sharedBytes,
    List<ImageUsage> images,
    List<SourceUsage> sources) {
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

  /**
   * Another source of objects.
   *
   * @param status what is known of it
   * @param objects how many of the images' objects it has
   * @param needed how many of these are neither in the repository nor in a source before it
   */
  public record SourceUsage(SourceStatus status, long objects, long needed) {}

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
      return new RepositoryUsage(
          all[0], all[1], shared, sharedBytes, List.copyOf(usages), sources(repository, uses));
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

  private static List<SourceUsage> sources(Repository repository, Map<Digest, Use> uses)
      throws IOException {
    UnionObjectStore elsewhere = repository.elsewhere();
    if (elsewhere == null) {
      return List.of();
    }
    List<Digest> digests = List.copyOf(uses.keySet());
    BitSet found = new BitSet();
    for (int i = 0; i < digests.size(); i++) {
      Use use = uses.get(digests.get(i));
      found.set(i, use != null && use.size >= 0);
    }
    List<@Nullable BitSet> holders = elsewhere.holders(digests);
    List<SourceUsage> sources = new ArrayList<>();
    List<SourceStatus> status = elsewhere.status();
    for (int i = 0; i < status.size(); i++) {
      BitSet held = holders.get(i);
      BitSet needed = held == null ? new BitSet() : (BitSet) held.clone();
      needed.andNot(found);
      found.or(needed);
      sources.add(
          new SourceUsage(
              status.get(i), held == null ? 0 : held.cardinality(), needed.cardinality()));
    }
    return sources;
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
