// What the build reads in place of `variant` for the module that knows filters.
export const FILTERS = true;
