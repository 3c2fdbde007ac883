package io.github.composefs4j.core.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.errors.RepositoryException.Reason;
import io.github.composefs4j.core.objects.MemoryObjectStore;
import io.github.composefs4j.core.repository.Category;
import io.github.composefs4j.core.repository.FsckOptions;
import io.github.composefs4j.core.repository.OpenOptions;
import io.github.composefs4j.core.repository.Ref;
import io.github.composefs4j.core.repository.RepairReport;
import io.github.composefs4j.core.repository.Repository;
import io.github.composefs4j.core.repository.Repository.InitOptions;
import io.github.composefs4j.core.repository.Repository.Initialized;
import io.github.composefs4j.core.repository.RepositoryConfig;
import io.github.composefs4j.core.repository.Transaction;
import io.github.composefs4j.core.repository.Waiting;
import io.github.composefs4j.core.scan.ScanOptions;
import io.github.composefs4j.core.scan.ScanProgress;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a repository does on every platform that can lock (repository.md). */
public abstract class RepositoryContract extends RepositoryFixture {
  @ParameterizedTest
  @EnumSource(HashAlgorithm.class)
  void initialisesOnceAndKeepsWhatIsThere(HashAlgorithm algorithm) throws IOException {
    RepositoryConfig config =
        new RepositoryConfig(algorithm, FormatVersion.V1, Set.of(FormatVersion.V2));
    assertThat(Repository.init(platform(), path(), config, INSECURE))
        .isEqualTo(Initialized.CREATED);
    assertThat(Repository.init(platform(), path(), config, INSECURE))
        .isEqualTo(Initialized.ALREADY);
    assertThat(Files.list(path())).containsExactly(path().resolve("meta.json"));
    RepositoryConfig other = RepositoryConfig.of(algorithm, FormatVersion.V2);
    assertThatThrownBy(() -> Repository.init(platform(), path(), other, INSECURE))
        .isInstanceOfSatisfying(
            RepositoryException.class,
            e -> assertThat(e.reason()).isEqualTo(Reason.ALREADY_INITIALIZED));
    InitOptions ensure = new InitOptions(false, true, false, Waiting.FOREVER);
    assertThat(Repository.init(platform(), path(), other, ensure)).isEqualTo(Initialized.ALREADY);
    try (Repository repository = open()) {
      assertThat(repository.config()).isEqualTo(config);
      assertThat(repository.isSecure()).isFalse();
      assertThat(repository.formats()).containsExactly(FormatVersion.V1, FormatVersion.V2);
    }
  }

  @Test
  void storesImagesInEveryFormatAndNamesTheFirst() throws IOException {
    RepositoryConfig config =
        new RepositoryConfig(HashAlgorithm.SHA256, FormatVersion.V1, Set.of(FormatVersion.V2));
    try (Repository repository = create(config)) {
      Digest digest = putImage(repository, 1, "tree/plain");
      assertThat(repository.refs(Category.IMAGES))
          .containsExactly(new Ref("tree/plain", digest.hex()));
      assertThat(repository.entries(Category.IMAGES)).hasSize(2).contains(digest.hex());
      assertThat(Files.readSymbolicLink(path().resolve("images/refs/tree/plain")))
          .isEqualTo(Path.of("../../" + digest.hex()));
      assertThat(Files.readSymbolicLink(path().resolve("images/" + digest.hex())))
          .isEqualTo(
              Path.of("../objects", digest.hex().substring(0, 2), digest.hex().substring(2)));
      for (String name : List.of(digest.hex(), "refs/tree/plain")) {
        try (ErofsImage image = repository.openImage(name)) {
          assertThat(image.version()).isEqualTo(FormatVersion.V1);
        }
      }
      assertThat(repository.imageObjects(digest.hex())).hasSize(9);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".", "..", "refs", "../meta.json", "tree/plain", "refs/", "nothing"})
  void namesThatAreNoImagesAreNotFound(String name) throws IOException {
    try (Repository repository = create()) {
      putImage(repository, 1, "tree/plain");
      assertThatThrownBy(() -> repository.openImage(name))
          .isInstanceOfSatisfying(
              RepositoryException.class, e -> assertThat(e.reason()).isEqualTo(Reason.NOT_FOUND));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "/x", "a//b", "a/", ".", "..", "../../x", "a/../b", "tree", "tree/plain/x"})
  void refNamesAreCheckedBeforeAnyWork(String name) throws IOException {
    try (Repository repository = create()) {
      putImage(repository, 1, "tree/plain");
      List<String> before = repository.entries(Category.IMAGES);
      assertThatThrownBy(() -> putImage(repository, 2, name))
          .isInstanceOfSatisfying(
              RepositoryException.class,
              e -> assertThat(e.reason()).isEqualTo(Reason.INVALID_NAME));
      assertThat(repository.entries(Category.IMAGES)).isEqualTo(before);
    }
  }

  @Test
  void refsAreSetMovedAndRemoved() throws IOException {
    try (Repository repository = create()) {
      Digest first = putImage(repository, 1, "a");
      Digest second = putImage(repository, 2, "b/c");
      repository.setRef(Category.IMAGES, "a", second.hex());
      assertThat(repository.resolveImage("a")).isEqualTo(second);
      repository.moveRef(Category.IMAGES, "a", "d/e/f");
      assertThat(repository.refs(Category.IMAGES))
          .containsExactly(new Ref("b/c", second.hex()), new Ref("d/e/f", second.hex()));
      repository.removeRef(Category.IMAGES, "b/c");
      assertThat(repository.resolveImage("refs/d/e/f")).isEqualTo(second);
      assertThatThrownBy(() -> repository.removeRef(Category.IMAGES, "b/c"))
          .hasMessageContaining("not found");
      assertThatThrownBy(() -> repository.setRef(Category.IMAGES, "x", "0".repeat(64)))
          .hasMessageContaining("not found");
      Files.delete(
          path()
              .resolve("objects/" + first.hex().substring(0, 2) + "/" + first.hex().substring(2)));
      assertThatThrownBy(() -> repository.setRef(Category.IMAGES, "x", first.hex()))
          .hasMessageContaining("missing");
    }
  }

  @Test
  void importsOnlyImages() throws IOException {
    try (Repository repository = create()) {
      assertThatThrownBy(
              () -> {
                try (Transaction transaction = repository.begin()) {
                  transaction.importImage(
                      Channels.newChannel(new ByteArrayInputStream(new byte[10_000])), "x");
                }
              })
          .isInstanceOf(IOException.class);
      assertThat(repository.entries(Category.IMAGES)).isEmpty();
      byte[] image = Vectors.image("basic-types.cfs");
      try (Transaction transaction = repository.begin()) {
        Transaction.ImportedImage imported =
            transaction.importImage(Channels.newChannel(new ByteArrayInputStream(image)), "x");
        assertThat(imported.missing()).isNotEmpty();
        transaction.commit();
        assertThat(repository.resolveImage("x")).isEqualTo(imported.digest());
      }
    }
  }

  @Test
  void abandonedChangesLeaveNoNames() throws IOException {
    try (Repository repository = create()) {
      try (Transaction transaction = repository.begin()) {
        FileTree tree =
            transaction.scan(source(1), false, ScanOptions.defaults(), ScanProgress.NONE);
        transaction.putImage(tree, "x");
      }
      assertThat(path().resolve("images")).doesNotExist();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anObjectWithOtherContentIsReplacedNotTrusted(boolean sameSize) throws IOException {
    try (Repository repository = create()) {
      Digest digest = putImage(repository, 1, "x");
      for (Digest object : repository.imageObjects(digest.hex())) {
        Path file =
            path()
                .resolve(
                    "objects/" + object.hex().substring(0, 2) + "/" + object.hex().substring(2));
        byte[] content = Files.readAllBytes(file);
        byte[] bad = sameSize ? content.clone() : new byte[content.length / 2];
        bad[20] ^= 1;
        Files.write(file, bad);
      }
      putImage(repository, 1, "x");
      for (Digest object : repository.imageObjects(digest.hex())) {
        Path file =
            path()
                .resolve(
                    "objects/" + object.hex().substring(0, 2) + "/" + object.hex().substring(2));
        assertThat(
                io.github.composefs4j.core.verity.VerityHasher.digest(
                    HashAlgorithm.SHA256, Files.readAllBytes(file)))
            .isEqualTo(object);
      }
    }
  }

  @Test
  void formatsChange() throws IOException {
    try (Repository repository = create()) {
      repository.setFormats(FormatVersion.V2, Set.of(FormatVersion.V0), Waiting.FOREVER);
      assertThat(repository.formats()).containsExactly(FormatVersion.V2, FormatVersion.V0);
    }
    try (Repository repository = open()) {
      assertThat(repository.formats()).containsExactly(FormatVersion.V2, FormatVersion.V0);
    }
  }

  @Test
  void aRepairPutsAsideOnlyWhatNoSourceHas() throws IOException {
    try (Repository repository = create()) {
      Digest image = putImage(repository, 1, "x");
      String object = FileName.decode(repository.imageObjects(image.hex()).getFirst().objectPath());
      Path damaged = path().resolve("objects").resolve(object);
      Files.writeString(damaged, "damaged");
      Files.writeString(path().resolve("objects/foreign"), "");
      UnreliableStore source = new UnreliableStore(new MemoryObjectStore(repository.algorithm()));
      source.fail("down");
      RepairReport first = repository.repair(FsckOptions.defaults(), source, Waiting.FOREVER);
      assertThat(first.failures()).hasSize(1);
      assertThat(first.quarantined())
          .extracting(RepairReport.Quarantined::path)
          .containsExactly("objects/foreign");
      assertThat(damaged).exists();
      source.fail(null);
      RepairReport second = repository.repair(FsckOptions.defaults(), source, Waiting.FOREVER);
      assertThat(second.quarantined())
          .extracting(RepairReport.Quarantined::path)
          .containsExactly("objects/" + object);
      assertThat(damaged).doesNotExist();
    }
  }

  @Test
  void resettingKeepsObjectsAndChecksFirst() throws IOException {
    try (Repository repository = create()) {
      putImage(repository, 1, "x");
    }
    InitOptions reset = new InitOptions(false, false, true, Waiting.NONE);
    InitOptions ensure = new InitOptions(false, true, true, Waiting.NONE);
    RepositoryConfig other = RepositoryConfig.of(HashAlgorithm.SHA512, FormatVersion.V1);
    assertThatThrownBy(() -> Repository.init(platform(), path(), other, ensure))
        .hasMessageContaining("sha256");
    assertThat(path().resolve("images/refs/x")).exists();
    try (Repository repository = open();
        Repository.Hold hold = repository.hold()) {
      assertThat(hold).isNotNull();
      assertThatThrownBy(() -> Repository.init(platform(), path(), other, reset))
          .hasMessageContaining("locked");
    }
    assertThatThrownBy(() -> Repository.init(platform(), path(), other, reset))
        .hasMessageContaining("sha256");
    assertThat(path().resolve("images/refs/x")).exists();
    assertThat(path().resolve("meta.json")).exists();
    RepositoryConfig v2 = RepositoryConfig.of(HashAlgorithm.SHA256, FormatVersion.V2);
    assertThat(Repository.init(platform(), path(), v2, reset)).isEqualTo(Initialized.CREATED);
    assertThat(path().resolve("images")).doesNotExist();
    assertThat(path().resolve("objects")).isNotEmptyDirectory();
  }

  @Test
  void oldRepositoriesAreInferred() throws IOException {
    try (Repository repository = create()) {
      putImage(repository, 1, "x");
    }
    Files.delete(path().resolve("meta.json"));
    Files.createDirectories(path().resolve("objects/zz"));
    assertThatThrownBy(
            () -> Repository.open(platform(), path(), OpenOptions.DEFAULT.withUpgrade(false)))
        .isInstanceOfSatisfying(
            RepositoryException.class, e -> assertThat(e.reason()).isEqualTo(Reason.OLD_FORMAT));
    assertThatThrownBy(() ->
            Repository.open(
                platform(), path(), OpenOptions.DEFAULT.withExpected(HashAlgorithm.SHA512)))
        .hasMessageContaining("sha256");
    assertThat(path().resolve("meta.json")).doesNotExist();
    try (Repository repository = open()) {
      assertThat(repository.config())
          .isEqualTo(RepositoryConfig.of(HashAlgorithm.SHA256, FormatVersion.V2));
      assertThat(repository.imageObjects("x")).hasSize(9);
    }
  }
}
