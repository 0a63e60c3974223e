// Which of the two modules is being built. The build reads the other's `variant_filters` in place of this.

/** Whether the module knows filters, which only gates have: a module of its own, which is not loaded before that. */
export const FILTERS = false;
