/** The file of the large mailbox providers that relevo ships: read once, when it is first needed. */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { parse } from 'yaml';
import { laneShape } from './schema/keeping.ts';
import { name } from './schema/values.ts';

const shippedSchema = z.strictObject({
  providers: z.record(
    name.regex(/^[a-z0-9-]+$/, 'expected a name in lower case'),
    laneShape
      .omit({ provider: true })
      .required({ rate: true })
      .extend({ hosts: z.array(z.string().min(3)).min(1) }),
  ),
});

/** By the provider's name, in the file's order. */
export type ShippedShaping = Readonly<z.output<typeof shippedSchema>['providers']>;

/** In an image `config/` is the operator's own; the file then lies beside it. */
const PLACES = ['../../share/shaping.yaml', '../../config/shaping.yaml'] as const;

let known: ShippedShaping | null = null;

/** Throws where the file is missing or broken: it is part of the program. */
export function shippedShaping(): ShippedShaping {
  known ??= readShipped();
  return known;
}

function readShipped(): ShippedShaping {
  const places = PLACES.map((place) => new URL(place, import.meta.url));
  const file = places.find((place) => existsSync(place)) ?? places[1];
  if (file === undefined) throw new Error('nowhere to look for shaping.yaml');
  return parseShipped(readFileSync(file, 'utf8'));
}

/** Throws where it is not what the schema says. */
export function parseShipped(text: string): ShippedShaping {
  return shippedSchema.parse(parse(text)).providers;
}
