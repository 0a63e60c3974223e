import * as v from "valibot";

/** What is described: a value of some type, from whatever stands in the file. */
export type Schema<Output> = v.GenericSchema<unknown, Output>;

/** A mapping that has these keys, but for those that are `v.optional`, and no others: each other is a mistake. */
export function mapping<const E extends v.ObjectEntries>(
  entries: E,
  expected: string,
): Schema<v.InferOutput<v.ObjectSchema<E, string>>> {
  const others = v.never(`one of ${Object.keys(entries).join(", ")}`);
  const message = ({ path, received }: v.BaseIssue<unknown>) => {
    // Of a key that is missing, what is expected there.
    const missing = received === "undefined" ? entries[String(path?.at(-1)?.key)] : undefined;
    return (missing as { message?: string } | undefined)?.message ?? expected;
  };
  const whole = v.objectWithRest(entries, others, message) as unknown;
  return byKind({ mapping: whole as Schema<v.InferOutput<v.ObjectSchema<E, string>>> }, expected);
}

/** A mapping from what is called something to what it is. */
export function byName<T>(name: Schema<string>, value: Schema<T>, expected: string): Schema<Record<string, T>> {
  const record = v.record(name as v.GenericSchema<string, string>, value);
  return byKind({ mapping: record as unknown as Schema<Record<string, T>> }, expected);
}

/** Several ways to write the same: a scalar, a list or a mapping, told apart by what stands there. */
export function byKind<T>(
  { scalar, list, mapping }: { scalar?: Schema<T>; list?: Schema<T>; mapping?: Schema<T> },
  expected: string,
): Schema<T> {
  const given = [scalar, list, mapping].filter((schema) => schema !== undefined);
  const none = v.custom<T>(() => false, expected) as Schema<T>;
  const chosen = v.lazy((input): Schema<T> => {
    // Asked without a value, as by whoever makes a JSON Schema of it, it is any of them.
    if (input === undefined) return v.union(given);
    if (Array.isArray(input)) return list ?? none;
    if (input === null) return none;
    return (typeof input === "object" ? mapping : scalar) ?? none;
  });
  return Object.assign(chosen, { message: expected });
}

/** What `parse` makes of it; what it throws is a mistake. */
export function parsed<Input, Output>(
  schema: Schema<Input>,
  { parse, expected }: { parse: (input: Input) => Output; expected: string },
): Schema<Output> {
  const transform = v.rawTransform<Input, Output>(({ dataset, addIssue, NEVER }) => {
    try {
      return parse(dataset.value);
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
      addIssue({ message: expected });
      return NEVER;
    }
  });
  return v.pipe(schema, transform);
}
