package io.github.composefs4j.core;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Packages use only those below them; see docs/architecture.md. */
class PackageArrowsTest {
  /** From the top; packages of one line do not use each other. */
  private static final List<List<String>> LINES =
      List.of(
          List.of("nio"),
          List.of("dump", "repository"),
          List.of("erofs", "scan", "stream"),
          List.of("export"),
          List.of("transform"),
          List.of("sources"),
          List.of("verified"),
          List.of("objects"),
          List.of("tree"),
          List.of("spi"),
          List.of("verity"),
          List.of("errors"));

  @Test
  void arrowsPointDown() {
    JavaClasses classes =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("io.github.composefs4j.core");
    for (int line = 0; line < LINES.size(); line++) {
      for (String name : LINES.get(line)) {
        List<String> forbidden = new ArrayList<>();
        LINES.subList(0, line + 1).forEach(forbidden::addAll);
        forbidden.remove(name);
        if (!forbidden.isEmpty()) {
          noClasses()
              .that()
              .resideInAPackage("io.github.composefs4j.core." + name)
              .should()
              .dependOnClassesThat()
              .resideInAnyPackage(
                  Arrays.stream(forbidden.toArray(String[]::new))
                      .map(other -> "io.github.composefs4j.core." + other)
                      .toArray(String[]::new))
              .check(classes);
        }
      }
    }
  }
}
