/**
 * Content by digest: object directories in the layout that composefs mounts read, {@code xx/yyyy…}
 * with the digest in hex (dump-format.md, section 14).
 */
package io.github.composefs4j.core.objects;
