/** The Linux platform and kernel mounts. */
package io.github.composefs4j.linux;
