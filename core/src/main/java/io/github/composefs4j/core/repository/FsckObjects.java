package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.spi.HostFile;
import io.github.composefs4j.core.spi.HostStat;
import io.github.composefs4j.core.spi.StoreDirectory;
import io.github.composefs4j.core.spi.StoreDirectory.EntryType;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.Inode;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityDigests;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/**
 * The content of objects: each directory is a task; very large objects are hashed by all threads.
 */
final class FsckObjects {
  private static final int BUFFER = 1 << 18;

  /** Objects from this size on would keep one thread busy while the others are done. */
  private static final long LARGE = 64 << 20;

  private final Fsck fsck;
  private final Workers workers;
  private final HashAlgorithm algorithm;
  private final boolean secure;
  private final int owner;
  private final LongAdder bytes = new LongAdder();
  private final ConcurrentLinkedQueue<Digest> large = new ConcurrentLinkedQueue<>();

  FsckObjects(Fsck fsck, Workers workers) throws IOException {
    this.fsck = fsck;
    this.workers = workers;
    this.algorithm = fsck.repository.algorithm();
    this.secure = fsck.repository.isSecure();
    HostStat self = fsck.root.stat(Links.bytes("."));
    this.owner = self == null ? 0 : self.uid();
  }

  /** What a thread needs to hash. */
  private final class Hasher {
    private final VerityHasher hasher = new VerityHasher(algorithm);
    private final byte[] buffer = new byte[BUFFER];

    Digest hash(HostFile file, long size) throws HashFailure {
      try {
        return ImageAccess.hash(file, size, hasher, buffer);
      } catch (IOException e) {
        throw new HashFailure(e);
      }
    }
  }

  /**
   * Checks all objects.
   *
   * @param entries is run beside: a large image is walked by one thread, while the others hash.
   *     What objects there are is found out before, so that it need not be asked for each of an
   *     image; they are listed twice, since millions of digests would fill memory
   */
  void checkAll(List<Workers.Task> entries) throws IOException {
    List<Workers.Task> listings = new ArrayList<>();
    List<Workers.TaskWith<Hasher>> tasks = new ArrayList<>();
    entries.forEach(entry -> tasks.add(_ -> entry.run()));
    fsck.root.list(
        Links.bytes(Links.OBJECTS),
        (name, type) -> {
          String text = FileName.decode(name);
          String path = Links.OBJECTS + "/" + text;
          boolean hex = Links.isObjectDirectory(name);
          if (hex && type == EntryType.DIRECTORY) {
            listings.add(() -> list(text, fsck.present::add, (_, _) -> {}));
            tasks.add(hasher -> checkDirectory(text, hasher));
          } else if (hex || (type != EntryType.DIRECTORY && !text.startsWith(".tmp"))) {
            fsck.add(Finding.of(FindingType.FOREIGN_FILE, path));
          }
        });
    if (!entries.isEmpty()) {
      workers.run(listings);
    }
    workers.runEach(Hasher::new, tasks);
    checkLarge();
  }

  void check(List<Digest> objects) throws IOException {
    List<Workers.TaskWith<Hasher>> tasks = new ArrayList<>();
    for (Digest digest : objects) {
      tasks.add(hasher -> {
        if (fsck.exists(digest)) {
          checkObject(digest, hasher);
        }
      });
    }
    workers.runEach(Hasher::new, tasks);
    checkLarge();
  }

  /** Passes the digests that name files in a directory, and what else is in it. */
  private void list(String directory, Consumer<Digest> objects, StoreDirectory.EntrySink others)
      throws IOException {
    byte[] text = Arrays.copyOf(Links.bytes(directory + "/"), 2 * algorithm.size() + 1);
    fsck.root.list(
        Links.bytes(Links.OBJECTS + "/" + directory),
        (name, type) -> {
          System.arraycopy(name, 0, text, 3, Math.min(name.length, text.length - 3));
          Digest digest =
              name.length == text.length - 3 ? ImageAccess.parse(text, algorithm) : null;
          if (type == EntryType.FILE && digest != null) {
            objects.accept(digest);
          } else {
            others.accept(name, type);
          }
        });
  }

  private void checkDirectory(String directory, Hasher hasher) throws IOException {
    List<Digest> digests = new ArrayList<>();
    list(
        directory,
        digests::add,
        (name, type) -> {
          String object = Links.OBJECTS + "/" + directory + "/" + FileName.decode(name);
          fsck.objectsChecked.increment();
          fsck.objectsCorrupted.increment();
          fsck.add(
              type != EntryType.FILE
                  ? Finding.of(FindingType.UNEXPECTED_FILE_TYPE, object)
                  : Finding.of(
                      FindingType.OBJECT_INVALID_NAME, object, "not the rest of a digest"));
        });
    for (Digest digest : digests) {
      fsck.present.add(digest);
      checkObject(digest, hasher);
    }
  }

  private static String path(Digest digest) {
    return FileName.decode(Repository.objectPath(digest));
  }

  private void checkObject(Digest digest, Hasher hasher) throws IOException {
    fsck.objectsChecked.increment();
    try (HostFile file = fsck.repository.openObject(digest)) {
      HostStat stat = file.stat();
      if ((stat.mode() & Inode.S_IFMT) != Inode.S_IFREG) {
        throw new IOException("is no regular file");
      }
      fsck.checkMode(() -> path(digest), stat, owner);
      Digest measured = file.verityDigest().orElse(null);
      if (measured == null && secure) {
        bad(Finding.of(FindingType.OBJECT_VERITY_MISSING, path(digest)));
      } else if (measured != null && measured.algorithm() == algorithm) {
        compare(digest, measured);
      } else if (stat.size() >= LARGE) {
        large.add(digest);
      } else {
        compare(digest, hasher.hash(file, stat.size()));
      }
      bytes.add(stat.size());
      fsck.options.progress().update(fsck.objectsChecked.sum(), bytes.sum());
    } catch (HashFailure e) {
      bad(Finding.of(FindingType.OBJECT_VERITY_FAILED, path(digest), e));
    } catch (IOException e) {
      bad(Finding.of(FindingType.OBJECT_OPEN_FAILED, path(digest), e));
    }
  }

  /** The content of an object could not be read. */
  private static final class HashFailure extends IOException {
    private static final long serialVersionUID = 1L;

    HashFailure(IOException cause) {
      super(cause.getMessage(), cause);
    }
  }

  private void bad(Finding finding) {
    fsck.objectsCorrupted.increment();
    fsck.add(finding);
  }

  private void compare(Digest digest, Digest measured) {
    if (!measured.equals(digest)) {
      bad(
          Finding.of(
              FindingType.OBJECT_DIGEST_MISMATCH, path(digest), "measured " + measured.hex()));
    }
  }

  private void checkLarge() throws IOException {
    for (Digest digest; (digest = large.poll()) != null; ) {
      try (HostFile file = fsck.repository.openObject(digest)) {
        compare(
            digest,
            VerityDigests.digest(
                ObjectReader.of(file)::read,
                file.stat().size(),
                algorithm,
                VerityHasher.BLOCK_SIZE,
                workers.executor(),
                workers.count()));
      } catch (IOException e) {
        bad(Finding.of(FindingType.OBJECT_VERITY_FAILED, path(digest), e));
      }
    }
  }
}
