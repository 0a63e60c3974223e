// What the module exports that draws trees and knows filters; it works in the memory of the other.
export { decodeFilter } from "./filter_record";
export { decodeTree } from "./tree";
