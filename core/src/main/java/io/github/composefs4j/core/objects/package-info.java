/** Content by digest: object directories in the layout that composefs mounts read. */
package io.github.composefs4j.core.objects;
