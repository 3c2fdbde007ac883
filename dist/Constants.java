import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.InvokeDynamicEntry;
import java.lang.classfile.constantpool.MemberRefEntry;
import java.lang.classfile.constantpool.PoolEntry;

/**
 * Reads names of classes, one a line, and writes for each the line of a class list that has its constants resolved when
 * an archive is made: classes, fields, methods and the places that make lambdas. A training run would list those that
 * it happened to reach, and no two runs reach the same.
 */
void main() throws IOException {
  for (String name; (name = IO.readln()) != null; ) {
    try (InputStream in = ClassLoader.getSystemResourceAsStream(name + ".class")) {
      if (in == null) {
        continue; // made at run time
      }
      StringBuilder line = new StringBuilder();
      for (PoolEntry entry : ClassFile.of().parse(in.readAllBytes()).constantPool()) {
        switch (entry) {
          case ClassEntry _, MemberRefEntry _, InvokeDynamicEntry _ -> line.append(' ').append(entry.index());
          default -> {}
        }
      }
      if (!line.isEmpty()) {
        IO.println("@cp " + name + line);
      }
    }
  }
}
