package io.github.composefs4j.fuse.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageOptions;
import io.github.composefs4j.core.erofs.ImageWalk;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.testkit.RandomTrees;
import io.github.composefs4j.core.testkit.Seeds;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.testkit.TreeBuilder;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import io.github.composefs4j.linux.sys.Errno;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** The protocol without a kernel. */
class RequestHandlerTest {
  private static final byte[] OBJECT =
      "content of an object, longer than what fits inline"
          .repeat(200)
          .getBytes(java.nio.charset.StandardCharsets.US_ASCII);
  private static final long ALL = -1L;

  private static ErofsImage image() throws IOException {
    Digest digest = VerityHasher.digest(HashAlgorithm.SHA256, OBJECT);
    return TestImages.open(
        TestImages.write(
            new TreeBuilder()
                .dir("/d")
                .file("/d/inline", "hello")
                .object("/d/object", OBJECT.length, digest)
                .symlink("/link", "d/inline")
                .link("/hard", "/d/object")
                .tree(),
            ImageOptions.DEFAULT));
  }

  private static ContentSource content(int length) {
    return inode ->
        new ObjectReader() {
          @Override
          public long size() {
            return length;
          }

          @Override
          public int read(long position, byte[] into, int offset, int wanted) {
            int count = (int) Math.max(0, Math.min(wanted, length - position));
            System.arraycopy(OBJECT, (int) Math.min(position, length), into, offset, count);
            return count;
          }

          @Override
          public void close() {}
        };
  }

  private static FuseSession session(ErofsImage image, XattrDialect dialect, ContentSource source) {
    return new FuseSession(image, new FuseSession.Options(dialect, source, null, false));
  }

  @Test
  void agreesOnTermsWithKernelsOldAndNew() throws IOException {
    try (ErofsImage image = image()) {
      FuseSession session = session(image, XattrDialect.TREE, content(0));
      Requests kernel = new Requests(session.handler());
      Requests.Reply modern = kernel.init(45, ALL);
      assertThat(modern.result()).isEqualTo(64);
      assertThat(modern.body().getInt(0)).isEqualTo(7);
      assertThat(modern.body().getInt(4)).isEqualTo(45);
      long flags = Integer.toUnsignedLong(modern.body().getInt(12));
      assertThat(flags & FuseAbi.NO_OPEN_SUPPORT).isNotZero();
      assertThat(flags & FuseAbi.POSIX_ACL).isZero(); // the image has none
      assertThat(flags & 1L << 16).as("never a write-back cache").isZero();
      assertThat(kernel.init(60, ALL).body().getInt(4)).isEqualTo(FuseAbi.MINOR);
      assertThat(kernel.init(12, 0).errno()).isEqualTo(Errno.EPROTO);
      assertThat(kernel.init(31, 0).result()).isEqualTo(64);
      assertThat(kernel.send(FuseAbi.OPEN, 1, new byte[8]).errno()).isZero();
    }
  }

  @Test
  void requestsOverTheDeviceAreSmallEnoughForAllThreadsToHaveSome() throws IOException {
    try (ErofsImage image = image()) {
      FuseSession session = session(image, XattrDialect.TREE, content(0));
      Requests kernel = new Requests(session.handler());
      assertThat(kernel.init(45, ALL).body().getShort(28)).isEqualTo((short) 32);
      session.offerUring();
      assertThat(kernel.init(45, ALL).body().getShort(28)).isEqualTo((short) 256);
    }
  }

  @Test
  void findsNamesAndTellsOfMissingOnesForEver() throws IOException {
    try (ErofsImage image = image()) {
      Requests kernel = new Requests(session(image, XattrDialect.TREE, content(0)).handler());
      ByteBuffer d = kernel.lookup(1, "d").body();
      assertThat(d.getLong(16)).isEqualTo(1L << 40);
      assertThat(d.getInt(40 + 60)).isEqualTo(0040755);
      ByteBuffer none = kernel.lookup(1, "none").body();
      assertThat(none.limit()).isEqualTo(128);
      assertThat(none.getLong(0)).isZero();
      assertThat(none.getLong(16)).isEqualTo(1L << 40);
      assertThat(kernel.lookup(1, "00").body().getLong(0)).as("a stub").isZero();
      long inline = kernel.lookup(d.getLong(0), "inline").body().getLong(0);
      assertThat(kernel.lookup(inline, "x").errno()).isEqualTo(Errno.ENOTDIR);
      assertThat(kernel.lookup(d.getLong(0), "object").body().getLong(0))
          .isEqualTo(kernel.lookup(1, "hard").body().getLong(0));
      Requests.Reply target =
          kernel.send(FuseAbi.READLINK, kernel.lookup(1, "link").body().getLong(0), new byte[0]);
      assertThat(Arrays.copyOf(target.body().array(), target.result()))
          .isEqualTo(FileName.encode("d/inline"));
      assertThat(kernel.lookup(99_999_999, "x").errno()).isEqualTo(Errno.EIO);
    }
  }

  @Test
  void listsADirectoryInPieces() throws IOException {
    TreeBuilder tree = new TreeBuilder().dir("/d");
    for (int i = 0; i < 700; i++) {
      tree.file("/d/" + "n".repeat(i % 60) + i, "");
    }
    try (ErofsImage image = TestImages.open(TestImages.write(tree.tree(), ImageOptions.DEFAULT))) {
      Requests kernel = new Requests(session(image, XattrDialect.TREE, content(0)).handler());
      long node = kernel.lookup(1, "d").body().getLong(0);
      for (int operation : new int[] {FuseAbi.READDIR, FuseAbi.READDIRPLUS}) {
        List<String> names = new ArrayList<>();
        long offset = 0;
        while (true) {
          ByteBuffer part = kernel.read(operation, node, offset, 1024).body();
          assertThat(part.limit()).isLessThanOrEqualTo(1024);
          if (part.limit() == 0) {
            break;
          }
          int at = 0;
          while (at < part.limit()) {
            int entry = at + (operation == FuseAbi.READDIRPLUS ? 128 : 0);
            int length = part.getInt(entry + 16);
            offset = part.getLong(entry + 8);
            names.add(
                new String(
                    part.array(), entry + 24, length, java.nio.charset.StandardCharsets.US_ASCII));
            at = entry + (24 + length + 7 & ~7);
          }
        }
        assertThat(names).hasSize(702).doesNotHaveDuplicates().startsWith(".", "..");
      }
      assertThat(kernel.read(FuseAbi.READDIR, 1, 0, 8).result()).isZero();
      assertThat(kernel.read(FuseAbi.READDIR, node, Long.MAX_VALUE, 4096).result()).isZero();
      assertThat(kernel.read(FuseAbi.READDIR, node, -5, 4096).result()).isZero();
      String all = listing(kernel.read(FuseAbi.READDIR, 1, 0, 1 << 16).body());
      assertThat(all).as("no stubs").isEqualTo(". .. d ");
    }
  }

  @Test
  void attributesComeWithLaterEntriesWhereEntriesAreLookedUp() throws IOException {
    TreeBuilder tree = new TreeBuilder().dir("/d");
    for (int i = 0; i < 2000; i++) {
      tree.file("/d/" + i, "");
    }
    try (ErofsImage image = TestImages.open(TestImages.write(tree.tree(), ImageOptions.DEFAULT))) {
      Requests kernel = new Requests(session(image, XattrDialect.TREE, content(0)).handler());
      long node = kernel.lookup(1, "d").body().getLong(0);
      assertThat(nodes(kernel, node, 0)).as("at the beginning").doesNotContain(0L);
      for (int i = 0; i < 10; i++) {
        assertThat(nodes(kernel, node, 500)).as("for who wants names").containsOnly(0L);
      }
      for (int i = 0; i < 2000; i++) {
        kernel.lookup(node, Integer.toString(i));
      }
      assertThat(nodes(kernel, node, 500)).as("for who looks").doesNotContain(0L);
    }
  }

  /** {@return the nodes of a part of a directory, without those of the dots} */
  private static List<Long> nodes(Requests kernel, long directory, long offset) {
    ByteBuffer part = kernel.read(FuseAbi.READDIRPLUS, directory, offset, 16384).body();
    List<Long> nodes = new ArrayList<>();
    for (int at = 0; at < part.limit(); ) {
      int length = part.getInt(at + 128 + 16);
      if (part.get(at + 128 + 24) != '.') {
        nodes.add(part.getLong(at));
      }
      at += 128 + 24 + length + 7 & ~7;
    }
    assertThat(nodes).hasSizeGreaterThan(50);
    return nodes;
  }

  private static String listing(ByteBuffer part) {
    StringBuilder names = new StringBuilder();
    for (int at = 0; at < part.limit(); ) {
      int length = part.getInt(at + 16);
      names
          .append(
              new String(part.array(), at + 24, length, java.nio.charset.StandardCharsets.US_ASCII))
          .append(' ');
      at += 24 + length + 7 & ~7;
    }
    return names.toString();
  }

  @Test
  void readsNeverShortExceptAtTheEnd() throws IOException {
    try (ErofsImage image = image()) {
      Requests kernel =
          new Requests(session(image, XattrDialect.TREE, content(OBJECT.length)).handler());
      kernel.init(45, ALL);
      long node = kernel.lookup(1, "hard").body().getLong(0);
      assertThat(kernel.send(FuseAbi.OPEN, node, new byte[8]).errno()).isEqualTo(Errno.ENOSYS);
      assertThat(kernel.send(FuseAbi.OPEN, node, new byte[] {1, 0, 0, 0, 0, 0, 0, 0}).errno())
          .isEqualTo(Errno.EROFS);
      Requests.Reply middle = kernel.read(FuseAbi.READ, node, 4096, 4096);
      assertThat(Arrays.copyOf(middle.body().array(), middle.result()))
          .isEqualTo(Arrays.copyOfRange(OBJECT, 4096, 8192));
      assertThat(kernel.read(FuseAbi.READ, node, 8192, 1 << 17).result())
          .isEqualTo(OBJECT.length - 8192);
      assertThat(kernel.read(FuseAbi.READ, node, 0, 1 << 17).result()).isEqualTo(OBJECT.length);
      assertThat(kernel.read(FuseAbi.READ, node, OBJECT.length, 4096).result()).isZero();
      assertThat(kernel.read(FuseAbi.READ, node, Long.MAX_VALUE, 4096).result()).isZero();
      assertThat(kernel.read(FuseAbi.READ, 1, 0, 4096).errno()).isEqualTo(Errno.EISDIR);
      long d = kernel.lookup(1, "d").body().getLong(0);
      long inline = kernel.lookup(d, "inline").body().getLong(0);
      assertThat(kernel.read(FuseAbi.READ, inline, 1, 4096).result()).isEqualTo(4);

      Requests cut = new Requests(session(image, XattrDialect.TREE, content(5000)).handler());
      assertThat(cut.read(FuseAbi.READ, node, 4096, 4096).errno()).isEqualTo(Errno.EIO);
      assertThat(cut.read(FuseAbi.READ, node, 0, 1 << 17).errno()).isEqualTo(Errno.EIO);
      assertThat(cut.read(FuseAbi.READ, node, 0, 4096).result()).isEqualTo(4096);
    }
  }

  @Test
  void metadataOnlyNeverOpensOrReadsAnObject() throws IOException {
    try (ErofsImage image = image()) {
      Requests kernel = new Requests(session(image, XattrDialect.USER_OVERLAY, null).handler());
      kernel.init(45, ALL);
      long node = kernel.lookup(1, "hard").body().getLong(0);
      long inline =
          kernel.lookup(kernel.lookup(1, "d").body().getLong(0), "inline").body().getLong(0);
      assertThat(kernel.send(FuseAbi.OPEN, inline, new byte[8]).result()).isEqualTo(16);
      assertThat(kernel.send(FuseAbi.OPEN, node, new byte[8]).errno()).isEqualTo(Errno.EINVAL);
      assertThat(kernel.read(FuseAbi.READ, node, 0, 4096).errno()).isEqualTo(Errno.EIO);
      assertThat(kernel.read(FuseAbi.READ, inline, 0, 4096).result()).isEqualTo(5);
    }
  }

  @Test
  void showsXattrsInTheDialectOfWhoAsks() throws IOException {
    String dump =
        "/ 0 40755 2 0 0 0 0.0 - - - user.overlay.redirect=/etc trusted.overlay.x=1 user.a=b\n";
    try (ErofsImage image =
        TestImages.open(TestImages.write(TestImages.parse(dump), ImageOptions.DEFAULT))) {
      Requests tree = new Requests(session(image, XattrDialect.TREE, content(0)).handler());
      assertThat(tree.getxattr(1, 0, "user.a").body().getInt(0)).isEqualTo(1);
      assertThat(tree.getxattr(1, 100, "user.a").result()).isEqualTo(1);
      assertThat(tree.getxattr(1, 100, "trusted.overlay.x").result()).isEqualTo(1);
      assertThat(tree.getxattr(1, 100, "trusted.overlay.opaque").errno()).isEqualTo(Errno.ENODATA);
      assertThat(tree.getxattr(1, 1, "user.overlay.redirect").errno()).isEqualTo(Errno.ERANGE);
      assertThat(tree.getxattr(1, 100, "system.posix_acl_access").errno())
          .isEqualTo(Errno.EOPNOTSUPP);
      Requests user = new Requests(session(image, XattrDialect.USER_OVERLAY, null).handler());
      assertThat(user.getxattr(1, 100, "user.overlay.opaque").result()).isEqualTo(1);
      assertThat(user.getxattr(1, 100, "user.overlay.redirect").errno())
          .as("a tree's own is not overlayfs'")
          .isEqualTo(Errno.ENODATA);
      assertThat(user.getxattr(1, 100, "user.overlay.overlay.redirect").result()).isEqualTo(4);
      assertThat(user.getxattr(1, 100, "trusted.overlay.x").result()).isEqualTo(1);
      Requests.Reply list = user.send(FuseAbi.LISTXATTR, 1, new byte[] {0, 16, 0, 0, 0, 0, 0, 0});
      String names =
          new String(
              list.body().array(), 0, list.result(), java.nio.charset.StandardCharsets.US_ASCII);
      assertThat(names.split("\0"))
          .containsExactlyInAnyOrder(
              "user.overlay.opaque",
              "user.overlay.overlay.redirect",
              "trusted.overlay.x",
              "user.a");
    }
  }

  @Test
  void switchesXattrsOffWhereThereAreNone() throws Exception {
    try (ErofsImage image = image()) {
      Requests kernel = new Requests(session(image, XattrDialect.TREE, content(0)).handler());
      int errno = 0;
      for (int i = 0; i < 2000 && errno != Errno.ENOSYS; i++) {
        errno = kernel.getxattr(1, 0, "security.selinux").errno();
        Thread.sleep(1);
      }
      assertThat(errno).isEqualTo(Errno.ENOSYS);
    }
  }

  /** Every operation and length, with fields that are likely and fields that are not. */
  @Test
  void answersWhateverComes() {
    int rounds = Integer.getInteger("composefs.fuse.malformed", 20_000);
    Seeds.forEach(
        5,
        random -> {
          try (ErofsImage image =
              TestImages.open(
                  TestImages.write(RandomTrees.unusual(random), ImageOptions.DEFAULT))) {
            List<Long> nodes = nodes(image);
            for (XattrDialect dialect : XattrDialect.values()) {
              Requests kernel = new Requests(session(image, dialect, content(100)).handler());
              for (int i = 0; i < rounds / 15; i++) {
                byte[] request = mutated(random, nodes);
                Requests.Reply reply = kernel.send(request);
                assertThat(reply.result() == RequestHandler.NO_REPLY || reply.result() > -512)
                    .isTrue();
              }
            }
          }
        });
  }

  private static List<Long> nodes(ErofsImage image) throws IOException {
    List<Long> nodes = new ArrayList<>(List.of(0L, 1L, -1L, Long.MIN_VALUE));
    ImageWalk walk = new ImageWalk(image);
    while (walk.next()) {
      nodes.add(walk.inode().nid() + 2);
    }
    return nodes;
  }

  private static byte[] mutated(RandomGenerator random, List<Long> nodes) {
    ByteBuffer body =
        ByteBuffer.allocate(random.nextInt(5) == 0 ? random.nextInt(300) : 64)
            .order(java.nio.ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at + 8 <= body.capacity(); at += 8) {
      long value =
          switch (random.nextInt(6)) {
            case 0 -> random.nextLong();
            case 1 -> -1;
            case 2 -> 1L << random.nextInt(64);
            case 3 -> random.nextInt(200_000);
            default -> 0;
          };
      body.putLong(at, value);
    }
    int operation = random.nextInt(10) == 0 ? random.nextInt() : random.nextInt(54);
    byte[] request =
        Requests.request(operation, nodes.get(random.nextInt(nodes.size())), body.array());
    if (random.nextInt(10) == 0) {
      request[random.nextInt(request.length)] ^= (byte) (1 << random.nextInt(8));
    }
    return random.nextInt(20) == 0
        ? Arrays.copyOf(request, random.nextInt(request.length))
        : request;
  }
}
