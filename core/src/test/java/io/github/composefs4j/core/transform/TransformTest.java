package io.github.composefs4j.core.transform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.dump.DumpWriter;
import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.InvalidTreeException;
import io.github.composefs4j.core.testkit.TestImages;
import io.github.composefs4j.core.testkit.TreeBuilder;
import io.github.composefs4j.core.testkit.Vectors;
import io.github.composefs4j.core.transform.ContainerTransform.Xattrs;
import io.github.composefs4j.core.tree.FileName;
import io.github.composefs4j.core.tree.FileTree;
import io.github.composefs4j.core.tree.Inode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TransformTest {
  private static final String FILES = "/etc/selinux/targeted/contexts/files/file_contexts";

  /** The policy files of the sample tree that are too large to lie inside its dump. */
  private static final Map<String, String> SAMPLE =
      Map.of(
          FILES,
          """
          /.*\tsystem_u:object_r:default_t:s0
          /\t-d\tsystem_u:object_r:root_t:s0
          /usr(/.*)?\tsystem_u:object_r:usr_t:s0
          /usr/bin(/.*)?\tsystem_u:object_r:bin_t:s0
          /usr/lib(/.*)?\tsystem_u:object_r:lib_t:s0
          /usr/lib/x/dev.*\t-c\tsystem_u:object_r:null_device_t:s0
          /var/empty\t<<none>>
          /etc(/.*)?\t--\tsystem_u:object_r:etc_t:s0
          /home/[^/]+\t-d\tunconfined_u:object_r:user_home_dir_t:s0
          # comment

          """,
          FILES + ".local",
          "/usr/bin/special\t--\tsystem_u:object_r:special_exec_t:s0\n");

  private static final FileContents NOTHING =
      (path, _) -> {
        throw new AssertionError(path);
      };

  private static FileTree raw() throws IOException {
    return TestImages.parse(Vectors.bytes("repositories/tree-raw.dump"));
  }

  private static String dump(String name) {
    return new String(Vectors.bytes("repositories/" + name), StandardCharsets.ISO_8859_1);
  }

  private static String bareDump(FileTree tree) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    DumpWriter.write(tree, DumpWriter.Links.BARE, out);
    return out.toString(StandardCharsets.ISO_8859_1);
  }

  @Test
  void normalisesTheSampleTree() throws Exception {
    FileTree tree = ContainerTransform.apply(raw(), Xattrs.ALLOW_LIST);
    assertThat(bareDump(tree)).isEqualTo(dump("tree.dump"));
  }

  @Test
  void makesTheSampleTreeBootable() throws Exception {
    FileTree tree =
        BootTransform.apply(
            ContainerTransform.apply(raw(), Xattrs.ALLOW_LIST),
            (path, _) -> SAMPLE.get(path).getBytes(StandardCharsets.UTF_8));
    assertThat(bareDump(tree)).isEqualTo(dump("tree-bootable.dump"));
  }

  @Test
  void countsTheNamesThatRemain() throws Exception {
    FileTree tree =
        new TreeBuilder()
            .dir("/run")
            .file("/run/a", "x")
            .dir("/usr")
            .link("/usr/b", "/run/a")
            .link("/usr/c", "/run/a")
            .tree();
    FileTree made = ContainerTransform.apply(tree, Xattrs.ALLOW_LIST);
    assertThat(made.find("/usr/b")).isSameAs(made.find("/usr/c"));
    assertThat(find(made, "/usr/b").nlink()).isEqualTo(2);
    assertThat(made.inodes()).isEqualTo(4);
    assertThat(tree.find("/run/a")).as("the given tree").isNotNull();
  }

  @Test
  void namesWhatIsMissing() {
    assertThatThrownBy(() -> ContainerTransform.apply(new TreeBuilder().tree(), Xattrs.ALLOW_LIST))
        .isInstanceOf(InvalidTreeException.class)
        .hasMessage("/usr is missing in the tree");
    FileTree file = new TreeBuilder().dir("/usr").file("/run", "x").tree();
    assertThatThrownBy(() -> ContainerTransform.apply(file, Xattrs.ALLOW_LIST))
        .hasMessage("/run is not a directory");
    FileTree noBoot = new TreeBuilder().dir("/usr").dir("/sysroot").tree();
    assertThatThrownBy(() -> BootTransform.apply(noBoot, NOTHING))
        .hasMessage("/boot is missing in the tree");
  }

  /** A tree with a policy of these files; {@code main} is {@code file_contexts}. */
  private static TreeBuilder policy(String main) {
    return new TreeBuilder()
        .dir("/boot")
        .dir("/sysroot")
        .dir("/usr")
        .dir("/etc")
        .dir("/etc/selinux")
        .file("/etc/selinux/config", "#SELINUXTYPE=no\n SelinuxType = t \nSELINUXTYPE=other\n")
        .dir("/etc/selinux/t")
        .dir("/etc/selinux/t/contexts")
        .dir("/etc/selinux/t/contexts/files")
        .file("/etc/selinux/t/contexts/files/file_contexts", main);
  }

  private static Inode find(FileTree tree, String path) {
    Inode inode = tree.find(path);
    assertThat(inode).as(path).isNotNull();
    return inode;
  }

  private static String label(FileTree tree, String path) {
    byte[] label = find(tree, path).xattrs().get(FileName.encode("security.selinux"));
    return label == null ? null : new String(label, StandardCharsets.UTF_8);
  }

  @Test
  void laterRulesWinAndTypesCount() throws Exception {
    FileTree tree =
        BootTransform.apply(
            policy("/usr/.* a\n/usr/x -d b\n/usr/x -- c\n/usr/[^/]*y <<none>>\n")
                .dir("/usr/x")
                .file("/usr/xy", "")
                .file("/usr/z", "")
                .tree(),
            NOTHING);
    assertThat(label(tree, "/usr/x")).isEqualTo("b");
    assertThat(label(tree, "/usr/xy")).isNull();
    assertThat(label(tree, "/usr/z")).isEqualTo("a");
    assertThat(label(tree, "/boot")).isNull();
  }

  @Test
  void aliasesHoldForAllBelow() throws Exception {
    FileTree tree =
        BootTransform.apply(
            policy("/a a\n/a/x ax\n/b/x bx\n/c/x cx\n")
                .file("/etc/selinux/t/contexts/files/file_contexts.subs", "/p /a\n/q /b\n")
                .file("/etc/selinux/t/contexts/files/file_contexts.subs_dist", "/q /c\n/a/x /b\n")
                .dir("/p")
                .dir("/p/x")
                .dir("/p/x/x")
                .dir("/q")
                .file("/q/x", "")
                .tree(),
            NOTHING);
    assertThat(label(tree, "/p")).isEqualTo("a");
    assertThat(label(tree, "/p/x")).as("/p/x is /a/x, which is /b").isNull();
    assertThat(label(tree, "/p/x/x")).isEqualTo("bx");
    assertThat(label(tree, "/q/x")).isEqualTo("cx");
  }

  @Test
  void hardLinksBreakWhereLabelsDiffer() throws Exception {
    FileTree tree =
        BootTransform.apply(
            policy("/usr/.* x\n/usr/[bd] y\n")
                .file("/usr/a", "text")
                .link("/usr/b", "/usr/a")
                .link("/usr/c", "/usr/a")
                .link("/usr/d", "/usr/a")
                .tree(),
            NOTHING);
    assertThat(tree.find("/usr/a")).isSameAs(tree.find("/usr/c"));
    assertThat(find(tree, "/usr/a").nlink()).isEqualTo(2);
    assertThat(tree.find("/usr/b")).isNotSameAs(tree.find("/usr/d"));
    assertThat(find(tree, "/usr/b").nlink()).isEqualTo(1);
    assertThat(label(tree, "/usr/d")).isEqualTo("y");
  }

  @Test
  void withoutPolicyLabelsVanish() throws Exception {
    FileTree labelled = BootTransform.apply(policy("/.* x\n").tree(), NOTHING);
    assertThat(label(labelled, "/usr")).isEqualTo("x");
    String dump = TestImages.dump(labelled).replaceAll("(?m)^/etc/selinux/config .*\n", "");
    FileTree stripped = BootTransform.apply(TestImages.parse(dump), NOTHING);
    assertThat(TestImages.dump(stripped)).doesNotContain("security.selinux");
  }

  @Test
  void malformedPoliciesAreNamed() {
    assertRefused("/usr\n", "file_contexts:1: neither");
    assertRefused("\n/usr -x a\n", "file_contexts:2: neither");
    assertRefused("/usr( a\n", "file_contexts:1: pattern '/usr('");
    assertRefused("/usr[ a\n", "a class without end");
    assertRefused("/((a{1000}){1000}){1000} a\n", "repetitions");
    assertRefused("(".repeat(2000) + " a\n", "pattern '(((");
    assertRefused("\u00e9\ud800 a\n", "is not UTF-8");
  }

  private static void assertRefused(String main, String message) {
    assertThatThrownBy(() -> BootTransform.apply(policy(main).tree(), NOTHING))
        .isInstanceOf(ComposefsException.class)
        .hasMessageContaining(message)
        .message()
        .hasLineCount(1);
  }

  @Test
  void patternsThatTakeForEverAreStopped() {
    String name = "a".repeat(200);
    FileTree tree = policy("/usr/" + "(.*)".repeat(8) + "b x\n").file("/usr/" + name, "").tree();
    assertThatThrownBy(() -> BootTransform.apply(tree, NOTHING))
        .isInstanceOf(ComposefsException.class)
        .hasMessageContaining("takes too long");
  }

  @Test
  void longPathsNeedNoDeepStack() throws Exception {
    TreeBuilder builder = policy("/usr(/(a|b){250})* x\n");
    StringBuilder path = new StringBuilder("/usr");
    for (int i = 0; i < 100; i++) {
      builder.dir(path.append('/').append("ab".repeat(125)).toString());
    }
    assertThat(label(BootTransform.apply(builder.tree(), NOTHING), path.toString())).isEqualTo("x");
  }
}
