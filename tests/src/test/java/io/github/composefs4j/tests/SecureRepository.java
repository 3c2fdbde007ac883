package io.github.composefs4j.tests;

import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.objects.MemoryObjectStore;
import io.github.composefs4j.core.objects.StorePolicy.Transfer;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.Finding;
import io.github.composefs4j.core.repository.FindingType;
import io.github.composefs4j.core.repository.FsckOptions;
import io.github.composefs4j.core.repository.FsckReport;
import io.github.composefs4j.core.repository.GcOptions;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.OpenOptions.Security;
import io.github.composefs4j.core.repository.RepairReport;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Repository.InitOptions;
import io.github.composefs4j.core.repository.RepositoryConfig;
import io.github.composefs4j.core.repository.RepositoryUsage;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.linux.KernelVerity;
import io.github.composefs4j.linux.LinuxPlatform;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;

/** Repositories whose objects the kernel protects; a part of {@link RealVerity}. */
final class SecureRepository {
  private static final int[] SIZES = {65, 4096, 4097, 100_000, 1 << 20, 3_000_000};

  private final LinuxPlatform platform = new LinuxPlatform();
  private final Path work;
  private final HashAlgorithm algorithm;
  private final Path path;
  private final List<Path> files = new ArrayList<>();

  private SecureRepository(Path work, HashAlgorithm algorithm) throws IOException {
    this.work = Files.createDirectory(work.resolve(algorithm.label()));
    this.algorithm = algorithm;
    this.path = this.work.resolve("repository");
  }

  /** Runs all. */
  static void run(Path work) throws IOException {
    for (HashAlgorithm algorithm : HashAlgorithm.values()) {
      SecureRepository all = new SecureRepository(work, algorithm);
      all.isMadeSecure();
      all.objectsAreProtected();
      all.whatIsNotProtectedIsFoundAndReplaced();
      all.sourcesAreLinkedWithConsent();
      all.stayedSecure();
    }
  }

  private void check(boolean holds, String what) {
    RealVerity.check(holds, "secure repository of " + algorithm.label() + ": " + what);
  }

  private Repository open(OpenOptions options) throws IOException {
    return Repository.open(platform, path, options);
  }

  private void isMadeSecure() throws IOException {
    RepositoryConfig config = RepositoryConfig.of(algorithm, FormatVersion.V1);
    Repository.init(platform, path, config, new InitOptions(true, false, false, Waiting.FOREVER));
    check(KernelVerity.measure(path.resolve("meta.json")).isPresent(), "meta.json has fs-verity");
    try (Repository repository =
        open(OpenOptions.DEFAULT.withSecurity(Security.REQUIRED).withExpected(algorithm))) {
      check(repository.isSecure(), "is known to be one");
    }
    Path insecure = work.resolve("insecure");
    Repository.init(
        platform, insecure, config, new InitOptions(false, false, false, Waiting.FOREVER));
    try {
      Repository.open(platform, insecure, OpenOptions.DEFAULT.withSecurity(Security.REQUIRED))
          .close();
      check(false, "an insecure one is not refused");
    } catch (RepositoryException e) {
      check(e.reason() == RepositoryException.Reason.NOT_SECURE, "an insecure one is refused");
    }
  }

  private Path source(String name, int seed) throws IOException {
    Path source = Files.createDirectory(work.resolve(name));
    Random random = new Random(seed);
    for (int size : SIZES) {
      byte[] content = new byte[size];
      random.nextBytes(content);
      files.add(Files.write(source.resolve("f" + size), content));
    }
    return source;
  }

  private Digest add(Repository repository, Path source, String ref) throws IOException {
    try (Transaction transaction = repository.begin()) {
      FileTree tree = transaction.scan(source, false, ScanOptions.defaults(), ScanProgress.NONE);
      Digest image = transaction.putImage(tree, ref).getFirst().digest();
      transaction.commit();
      return image;
    }
  }

  private Path object(Digest digest) {
    return path.resolve("objects")
        .resolve(new String(digest.objectPath(), StandardCharsets.US_ASCII));
  }

  private void objectsAreProtected() throws IOException {
    Path source = source("source", 1);
    try (Repository repository = open(OpenOptions.DEFAULT)) {
      Digest image = add(repository, source, "first");
      List<Digest> all = new ArrayList<>(repository.imageObjects("first"));
      check(all.size() == SIZES.length, "stores every file");
      all.add(image);
      for (Digest each : all) {
        check(
            KernelVerity.measure(object(each)).equals(Optional.of(each)),
            "the kernel holds an object to its name");
        try {
          Files.write(object(each), new byte[1]);
          check(false, "an object can be written to");
        } catch (IOException e) {
          check(true, "an object cannot be written to");
        }
      }
      check(add(repository, source, "second").equals(image), "the same image again");
      check(repository.check(FsckOptions.defaults()).isOk(), "sound");
    }
  }

  private static Set<FindingType> types(FsckReport report) {
    return Set.copyOf(report.findings().stream().map(Finding::type).toList());
  }

  /** The right content without fs-verity, and other content with it. */
  private void whatIsNotProtectedIsFoundAndReplaced() throws IOException {
    try (Repository repository = open(OpenOptions.DEFAULT);
        MemoryObjectStore source = new MemoryObjectStore(algorithm)) {
      List<Digest> objects = repository.imageObjects("first");
      Path one = object(objects.get(0));
      Path other = object(objects.get(1));
      byte[] content = Files.readAllBytes(one);
      for (Digest each : objects) {
        source.put(Files.readAllBytes(object(each)));
      }
      Files.delete(one);
      Files.write(one, content);
      check(
          types(repository.check(FsckOptions.defaults()))
              .equals(Set.of(FindingType.OBJECT_VERITY_MISSING)),
          "an object without fs-verity is found");
      add(repository, work.resolve("source"), "third");
      check(repository.check(FsckOptions.defaults()).isOk(), "and replaced by an import");

      Files.delete(one);
      Files.write(one, content);
      Files.delete(other);
      Files.createLink(other, object(objects.get(2)));
      check(
          types(repository.check(FsckOptions.defaults()))
              .equals(
                  Set.of(FindingType.OBJECT_VERITY_MISSING, FindingType.OBJECT_DIGEST_MISMATCH)),
          "protected content under another name is found");
      RepairReport repair = repository.repair(FsckOptions.defaults(), source, Waiting.FOREVER);
      check(
          repair.after().isOk() && repair.fetched().size() == 2,
          "both are repaired: " + repair.lines());
    }
  }

  private void sourcesAreLinkedWithConsent() throws IOException {
    Path source = source("linked", 2);
    try (Repository repository = open(OpenOptions.DEFAULT.withTransfer(Transfer.LINK))) {
      Path file = source.resolve("f3000000");
      FileTime mtime = Files.getLastModifiedTime(file);
      add(repository, source, "linked");
      check(Files.getLastModifiedTime(file).equals(mtime), "a source keeps its mtime");
      check((int) Files.getAttribute(file, "unix:nlink") == 2, "a source became an object");
      try {
        Files.write(file, new byte[1]);
        check(false, "which can be written to");
      } catch (IOException e) {
        check(true, "which cannot be written to");
      }
      check(repository.check(FsckOptions.defaults()).isOk(), "sound with linked objects");
    }
  }

  private void stayedSecure() throws IOException {
    try (Repository repository = open(OpenOptions.DEFAULT)) {
      repository.setFormats(FormatVersion.V2, Set.of(), Waiting.FOREVER);
    }
    try (Repository repository = open(OpenOptions.DEFAULT.withSecurity(Security.REQUIRED))) {
      check(repository.isSecure(), "still one with other formats");
      repository.removeRef(Category.IMAGES, "linked");
      check(
          repository.collect(GcOptions.defaults()).objects() == SIZES.length + 1,
          "what nothing needs is collected");
      check(RepositoryUsage.of(repository).objects() == SIZES.length + 1, "the rest is there");
      Path copy = work.resolve("copy");
      Repository.init(
          platform,
          copy,
          RepositoryConfig.of(algorithm, FormatVersion.V1),
          new InitOptions(true, false, false, Waiting.FOREVER));
      try (Repository to = Repository.open(platform, copy, OpenOptions.DEFAULT);
          Transaction transaction = to.begin()) {
        transaction.copyImage(repository, "first", "first");
        transaction.commit();
        check(to.check(FsckOptions.defaults()).isOk(), "an image is copied into another");
      }
    }
  }
}
