package io.github.composefs4j.core;

import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** A package uses only packages below its own. */
class PackageArrowsTest {
  private static final String BASE = "io.github.composefs4j.core.";

  private static final JavaClasses CORE =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.github.composefs4j.core");

  @Test
  void pointDown() {
    layeredArchitecture()
        .consideringOnlyDependenciesInAnyPackage("io.github.composefs4j.core..")
        .layer("errors")
        .definedBy(BASE + "errors")
        .layer("verity")
        .definedBy(BASE + "verity")
        .layer("spi")
        .definedBy(BASE + "spi")
        .layer("tree")
        .definedBy(BASE + "tree")
        .layer("objects")
        .definedBy(BASE + "objects")
        .layer("erofs")
        .definedBy(BASE + "erofs")
        .layer("dump")
        .definedBy(BASE + "dump")
        .layer("scan")
        .definedBy(BASE + "scan")
        .whereLayer("errors")
        .mayNotAccessAnyLayer()
        .whereLayer("verity")
        .mayOnlyAccessLayers("errors")
        .whereLayer("spi")
        .mayOnlyAccessLayers("verity", "errors")
        .whereLayer("tree")
        .mayOnlyAccessLayers("verity", "errors")
        .whereLayer("objects")
        .mayOnlyAccessLayers("spi", "verity", "errors")
        .whereLayer("erofs")
        .mayOnlyAccessLayers("objects", "tree", "spi", "verity", "errors")
        .whereLayer("dump")
        .mayOnlyAccessLayers("erofs", "objects", "tree", "spi", "verity", "errors")
        .whereLayer("scan")
        .mayOnlyAccessLayers("objects", "tree", "spi", "verity", "errors")
        .ensureAllClassesAreContainedInArchitecture()
        .check(CORE);
  }

  @Test
  void haveNoCycles() {
    slices().matching(BASE + "(*)..").should().beFreeOfCycles().check(CORE);
  }
}
