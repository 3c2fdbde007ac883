package io.github.composefs4j.bench;

import io.github.composefs4j.core.objects.ObjectWorker;
import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.Finding;
import io.github.composefs4j.core.repository.FsckOptions;
import io.github.composefs4j.core.repository.FsckReport;
import io.github.composefs4j.core.repository.GcOptions;
import io.github.composefs4j.core.repository.GcResult;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.Ref;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.RepositoryConfig;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.spi.Platform;
import io.github.composefs4j.core.spi.StreamCodec;
import io.github.composefs4j.core.stream.SplitStreamWriter;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.linux.LinuxPlatform;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * The interoperability checklist of repositories (repository.md, section 14) with the reference's
 * program, on random trees: {@code CFSCTL TREES COUNT SEED WORK}, TREES a directory of directories
 * named by numbers.
 */
public final class Repositories {
  private static final Platform PLATFORM = new LinuxPlatform();
  private static final GcOptions GC =
      GcOptions.defaults().withProcesses(Path.of("/nonexistent"));

  private final String cfsctl;
  private final Path work;
  private final TreeMap<String, Integer> passed = new TreeMap<>();
  private int different;

  private Repositories(String cfsctl, Path work) {
    this.cfsctl = cfsctl;
    this.work = work;
  }

  /** Compares and prints how often each point held; the status is 1 if one did not. */
  public static void main(String[] args) throws Exception {
    Repositories run = new Repositories(args[0], Path.of(args[4]));
    int count = Integer.parseInt(args[2]);
    for (int i = 0; i < count; i++) {
      run.round(Path.of(args[1]), i, Long.parseLong(args[3]));
      if ((i + 1) % 20 == 0) {
        System.out.println((i + 1) + " rounds, different: " + run.different);
      }
    }
    run.passed.forEach((what, times) -> System.out.println(what + ": " + times));
    System.out.println("different: " + run.different);
    System.exit(run.different == 0 ? 0 : 1);
  }

  private record Result(int status, String out, String err) {}

  private Result theirs(Path repository, String... command) throws Exception {
    List<String> all = new ArrayList<>(List.of(cfsctl, "--repo", repository.toString()));
    all.addAll(List.of(command));
    Path out = Files.createTempFile(work, "out", "");
    Path err = Files.createTempFile(work, "err", "");
    Process process =
        new ProcessBuilder(all).redirectOutput(out.toFile()).redirectError(err.toFile()).start();
    Result result =
        new Result(
            process.waitFor(),
            Files.readString(out, StandardCharsets.ISO_8859_1),
            Files.readString(err, StandardCharsets.ISO_8859_1));
    Files.delete(out);
    Files.delete(err);
    return result;
  }

  private void check(String what, int round, Object expected, Object actual) {
    if (expected.equals(actual)) {
      passed.merge(what, 1, Integer::sum);
    } else {
      different++;
      System.out.println("DIFFERENT " + what + " in round " + round);
      System.out.println("  expected " + shortened(expected));
      System.out.println("  but was  " + shortened(actual));
    }
  }

  private static String shortened(Object value) {
    String text = String.valueOf(value).replace('\n', '|');
    return text.length() > 1500 ? text.substring(0, 1500) : text;
  }

  private void round(Path trees, int round, long seed) throws Exception {
    Random random = new Random(seed * 1_000_003 + round);
    HashAlgorithm algorithm = random.nextBoolean() ? HashAlgorithm.SHA256 : HashAlgorithm.SHA512;
    FormatVersion format = FormatVersion.values()[random.nextInt(3)];
    Path tree = trees.resolve(Integer.toString(round));
    Path other = trees.resolve(Integer.toString((round + 1) % (int) count(trees)));
    Path a = work.resolve("a" + round);
    Path b = work.resolve("b" + round);
    RepositoryConfig config = RepositoryConfig.of(algorithm, format);
    // 1: initialise with one, open with the other
    Result init =
        theirs(
            a,
            "init",
            "--insecure",
            "--algorithm",
            config.algorithmName(),
            "--erofs-version",
            Integer.toString(format.number()));
    check("reference initialises", round, 0, init.status());
    Repository.init(
        PLATFORM, b, config, new Repository.InitOptions(false, false, false, Waiting.FOREVER));
    check(
        "meta.json is the same",
        round,
        Files.readString(a.resolve("meta.json")),
        Files.readString(b.resolve("meta.json")));
    // 2: store with both, compare everything, check and collect with the other
    for (Path each : List.of(tree, other)) {
      String name = each.equals(tree) ? "one" : "d/two";
      Result made =
          theirs(a, "create-image", "--no-propagate-usr-to-root", each.toString(), name);
      check("reference stores", round, 0, made.status());
      check(
          "image id", round, made.out().strip(), algorithm.label() + ":" + put(b, each, name).hex());
    }
    check("files of the repositories", round, files(a), files(b));
    byte[] content = stream(b, algorithm, random);
    Result cat = theirs(b, "cat", "test-stream");
    check(
        "reference reads our stream",
        round,
        Arrays.hashCode(content),
        Arrays.hashCode(cat.out().getBytes(StandardCharsets.ISO_8859_1)));
    for (Path repository : List.of(a, b)) {
      Result fsck = theirs(repository, "fsck");
      check("reference finds nothing", round, 0, fsck.status());
      Result dry = theirs(repository, "gc", "-n");
      check(
          "reference collects nothing",
          round,
          "Dry run (no files deleted):\nObjects: 0 removed (0 bytes)\n",
          dry.out());
      try (Repository ours = open(repository)) {
        check("we find nothing", round, fsck.out(), text(ours.check(FsckOptions.defaults())));
        check("we collect nothing", round, 0L, ours.collect(GC).objects());
        check("image lists", round, images(repository), refs(ours));
      }
    }
    damage(a, round, random);
    collect(a, b, round);
    locks(a, round);
    delete(a);
    delete(b);
  }

  private static long count(Path trees) throws IOException {
    try (Stream<Path> all = Files.list(trees)) {
      return all.count();
    }
  }

  private static Repository open(Path path) throws IOException {
    return Repository.open(PLATFORM, path, OpenOptions.DEFAULT);
  }

  private static Digest put(Path path, Path tree, String ref) throws IOException {
    try (Repository repository = open(path);
        Transaction transaction = repository.begin()) {
      FileTree scanned =
          transaction.scan(tree, false, ScanOptions.defaults(), ScanProgress.NONE);
      Digest digest = transaction.putImage(scanned, ref).getFirst().digest();
      transaction.commit();
      return digest;
    }
  }

  private static byte[] stream(Path path, HashAlgorithm algorithm, Random random)
      throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    try (Repository repository = open(path);
        Transaction transaction = repository.begin()) {
      SplitStreamWriter writer =
          new SplitStreamWriter(algorithm, 0, StreamCodec.find().orElseThrow());
      var worker = new ObjectWorker(algorithm);
      for (int i = random.nextInt(20); i >= 0; i--) {
        byte[] bytes = new byte[1 + random.nextInt(20_000)];
        random.nextBytes(bytes);
        all.writeBytes(bytes);
        if (bytes.length > 64 && random.nextBoolean()) {
          Digest digest = transaction.objects().put(bytes, worker);
          writer.external(digest, bytes.length);
          writer.reference("part:" + i, digest);
        } else {
          writer.inline(bytes, 0, bytes.length);
        }
      }
      transaction.putStream(writer, "test-stream", "a/stream");
      transaction.commit();
    }
    return all.toByteArray();
  }

  private static String text(FsckReport report) {
    return String.join("\n", report.lines()) + "\n";
  }

  private TreeSet<String> images(Path repository) throws Exception {
    TreeSet<String> names = new TreeSet<>();
    String json = theirs(repository, "images", "--json").out().replaceAll("\\s", "");
    for (String each : json.split("\\{", -1)) {
      if (each.startsWith("\"name\"")) {
        names.add(each.replaceAll("[\"}\\],]+", " ").strip().replaceAll(" +", " "));
      }
    }
    return names;
  }

  private static TreeSet<String> refs(Repository repository) throws IOException {
    TreeSet<String> names = new TreeSet<>();
    for (Ref ref : repository.refs(Category.IMAGES)) {
      names.add("name : " + ref.name() + " digest : " + ref.entry());
    }
    return names;
  }

  /** 5 and 6: the same damage is found by both. */
  private void damage(Path a, int round, Random random) throws Exception {
    List<Path> objects;
    try (Stream<Path> all = Files.walk(a.resolve("objects"))) {
      objects = all.filter(Files::isRegularFile).filter(f -> f.toFile().length() > 0).sorted().toList();
    }
    Path victim = objects.get(random.nextInt(objects.size()));
    byte[] good = Files.readAllBytes(victim);
    byte[] bad = good.clone();
    bad[random.nextInt(bad.length)] ^= 1;
    Files.write(victim, bad);
    String path = a.relativize(victim).toString();
    try (Repository ours = open(a)) {
      String reference = "fsck: object-digest-mismatch: " + path;
      check("reference finds a flip", round, true, theirs(a, "fsck").out().contains(reference));
      check(
          "we find a flip",
          round,
          true,
          ours.check(FsckOptions.defaults()).findings().stream()
              .anyMatch(finding -> finding.text().startsWith(reference)));
      Files.delete(victim);
      TreeSet<String> found = new TreeSet<>();
      for (Finding finding : ours.check(FsckOptions.defaults()).findings()) {
        found.add(finding.text());
      }
      TreeSet<String> theirs = new TreeSet<>();
      for (String line : theirs(a, "fsck").out().split("\n", -1)) {
        if (line.startsWith("  - ")) {
          theirs.add(line.substring(4));
        }
      }
      check("missing object found by both", round, theirs, found);
    }
    Files.write(victim, good);
  }

  /** 3: a ref is removed with one, what it held collected with the other. */
  private void collect(Path a, Path b, int round) throws Exception {
    theirs(b, "gc");
    Files.delete(a.resolve("images/refs/one"));
    try (Repository ours = open(b)) {
      ours.removeRef(Category.IMAGES, "one");
      ours.removeRef(Category.STREAMS, "a/stream");
    }
    Result gc = theirs(b, "gc");
    check("reference collects", round, 0, gc.status());
    try (Repository ours = open(a)) {
      GcResult result = ours.collect(GC);
      check("we collect without findings", round, List.of(), result.findings());
    }
    check("files after collection", round, files(b), files(a));
    check("nothing left to the reference", round, true, theirs(a, "gc").out().startsWith("Objects: 0 "));
    try (Repository ours = open(b)) {
      check("nothing left to us", round, 0L, ours.collect(GC).objects());
    }
  }

  /** 4: who holds the lock keeps collectors of the other away. */
  private void locks(Path a, int round) throws Exception {
    try (Repository ours = open(a)) {
      Process holder =
          new ProcessBuilder(cfsctl, "--repo", a.toString(), "transaction")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      boolean busy = false;
      for (int i = 0; i < 200 && !busy; i++) {
        Thread.sleep(20);
        try {
          ours.collect(GC.withWaiting(Waiting.NONE));
        } catch (RepositoryException e) {
          busy = e.reason() == RepositoryException.Reason.BUSY;
        }
      }
      holder.destroyForcibly().waitFor();
      check("reference keeps us from collecting", round, true, busy);
      Process collector;
      try (Repository.Hold _ = ours.hold()) {
        collector =
            new ProcessBuilder(cfsctl, "--repo", a.toString(), "gc")
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        check(
            "we keep the reference from collecting",
            round,
            false,
            collector.waitFor(300, TimeUnit.MILLISECONDS));
      }
      check("it goes on afterwards", round, true, collector.waitFor(30, TimeUnit.SECONDS));
    }
  }

  /** Every file with its content's hash and every link with its target. */
  private static TreeSet<String> files(Path repository) throws IOException {
    TreeSet<String> found = new TreeSet<>();
    try (Stream<Path> all = Files.walk(repository)) {
      for (Path file : all.toList()) {
        String name = repository.relativize(file).toString();
        if (Files.isSymbolicLink(file)) {
          found.add(name + " -> " + Files.readSymbolicLink(file));
        } else if (Files.isRegularFile(file)) {
          found.add(name + " " + Arrays.hashCode(Files.readAllBytes(file)));
        }
      }
    }
    return found;
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path each : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }
}
