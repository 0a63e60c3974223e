// What the module that knows filters exports; it works in the memory of the other.
export { decodeFilter } from "./filter_record";
export { decodeTree } from "./tree";
