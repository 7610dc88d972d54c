/** The reference of every key, as Markdown. */
import { z } from 'zod';
import { isOptional, marksOf, unwrapped, type Schema } from '../file/keys.ts';
import { policySchema } from '../schema.ts';

type Row = { readonly key: string; readonly schema: Schema };

/** `docs/policy.md`: every key with its type, default and description. */
export function policyReference(): string {
  const shape = shapeOf(policySchema);
  return [INTRODUCTION, ...Object.entries(shape).map(([key, schema]) => section(key, schema)), ''].join('\n');
}

/** What the schema says of a key: `limits/messageSize`, `egress/mx/bind`, `listen/port`. Throws for an unknown one. */
export function marksOfKey(path: string): ReturnType<typeof marksOf> {
  let schema: Schema = policySchema;
  for (const step of path.split('/')) {
    const next = stepInto(schema, step);
    if (next === undefined) throw new Error(`the schema has no ${path}`);
    schema = next;
  }
  return marksOf(schema);
}

/** Through lists and names given by the operator; of a union into the branch that the step names. */
function stepInto(schema: Schema, step: string): Schema | undefined {
  const bare = unwrapped(schema);
  if (bare instanceof z.ZodArray) return stepInto(bare.element, step);
  if (bare instanceof z.ZodRecord) return stepInto(bare.valueType, step);
  if (bare instanceof z.ZodDiscriminatedUnion)
    return bare.options.find((option) => literalOf(option, bare.def.discriminator) === step);
  return shapeOf(bare)[step];
}

const INTRODUCTION = `# The policy file, key by key

Generated from the schema in \`src/policy/\` by \`npm run generate\`; do not edit. A commented example that works is
\`config/relevo.example.yaml\`.

Everything but \`hostname\` has a default. An edit is in force within a second, or refused with the line that is wrong;
\`relevo check\` tells beforehand. An unknown key, a wrong type or a name of nothing is an error.

| value | how it is written |
| --- | --- |
| duration | \`500ms\` \`30s\` \`5m\` \`2h\` \`3d\` \`1w\` |
| size | \`512B\` \`64KB\` \`25MB\` \`1GB\` (1 KB is 1024 bytes) |
| rate | \`1000/h\` \`20/s\` \`5/10m\` |
| share | \`10%\` |
| date | \`2026-11-20\` |
| time zone | \`UTC\` \`Europe/Berlin\` \`America/Mexico_City\` |
| cost | \`25 USD/month\`, or \`1.06 USD/1000\` messages |
| budget | \`90 USD/month\` |
| network | \`10.0.0.0/24\` \`2001:db8::/32\`, or an address alone |
| pattern | \`*\` stands for any characters but \`@\`; the lone \`*\` for everything |
| path | relative to the policy file |
| variable | \`\${NAME}\` from the environment, \`\${file:/run/secrets/x}\` the content of a file; \`$\${\` stands for \`\${\` itself. Inside \`{ }\` and \`[ ]\` a variable needs quotes. One that is not set is an error, save in an egress with \`enabled: false\` |

Keys marked *no effect yet* are checked like the others. Where a file asks for something by one, the
relay says at load that nothing comes of it.`;

function section(key: string, schema: Schema): string {
  const marks = marksOf(schema);
  const lines = ['', `## \`${key}\``, '', sentence(marks), '', `${typeText(schema)}${defaultSentence(schema)}`];
  const bare = unwrapped(elementOf(schema));
  if (bare instanceof z.ZodDiscriminatedUnion) {
    for (const option of bare.options) {
      const literal = literalOf(option, bare.def.discriminator);
      const later = marksOf(option).isLater ? ' *No effect yet.*' : '';
      lines.push('', `### ${bare.def.discriminator}: ${literal}${later}`, '', ...table(rowsOf(option)));
    }
    return lines.join('\n');
  }
  const rows = rowsOf(bare);
  if (rows.length > 0) lines.push('', ...table(rows));
  return lines.join('\n');
}

function table(rows: readonly Row[]): string[] {
  return ['| key | type | default | what |', '| --- | --- | --- | --- |', ...rows.map(tableRow)];
}

function tableRow({ key, schema }: Row): string {
  const cells = [`\`${key}\``, typeText(schema), defaultText(schema), sentence(marksOf(schema))];
  return `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
}

/** The keys below, nested mappings and lists of mappings flattened: `timeouts.connect`, `dkim[].key`. */
function rowsOf(schema: Schema): Row[] {
  return Object.entries(shapeOf(schema)).flatMap(([key, child]) => {
    const isList = unwrapped(child) instanceof z.ZodArray;
    const below = rowsOf(elementOf(child)).map((row) => ({ ...row, key: `${key}${isList ? '[]' : ''}.${row.key}` }));
    return [{ key, schema: child }, ...below];
  });
}

function typeText(schema: Schema): string {
  const { value } = marksOf(schema);
  const orNull = takesNull(schema) ? ', or null' : '';
  const bare = unwrapped(schema);
  if (value !== '') return value + orNull;
  if (bare instanceof z.ZodEnum) return `${bare.options.join(' \\| ')}${orNull}`.replaceAll(String.raw`\|`, '|');
  if (bare instanceof z.ZodLiteral) return `\`${[...bare.values].join('')}\``;
  if (bare instanceof z.ZodArray) return `list of ${plural(bare.element)}${orNull}`;
  if (bare instanceof z.ZodRecord) return `mapping by ${marksOf(bare.keyType).value || 'name'}`;
  if (bare instanceof z.ZodDiscriminatedUnion || bare instanceof z.ZodObject) return `mapping${orNull}`;
  if (bare instanceof z.ZodUnion) return `${typeText(bare.options[0] ?? z.string())}, or a list of them`;
  if (bare instanceof z.ZodBoolean) return 'true | false';
  return `${bare instanceof z.ZodNumber ? 'number' : 'text'}${orNull}`;
}

function plural(element: Schema): string {
  if (unwrapped(element) instanceof z.ZodObject) return 'mappings';
  const text = typeText(element);
  if (text === 'text' || text.includes('|')) return text;
  return text.endsWith('s') ? `${text}es` : `${text}s`;
}

function defaultText(schema: Schema): string {
  const { fallback } = marksOf(schema);
  if (fallback !== undefined)
    return isEmpty(fallback) ? '' : `\`${JSON.stringify(fallback).replaceAll(/^"|"$/g, '')}\``;
  return isOptional(schema) ? '' : '**required**';
}

function defaultSentence(schema: Schema): string {
  const text = defaultText(schema);
  if (text === '') return '';
  return text === '**required**' ? ', required' : `; default ${text}`;
}

function sentence({ description, isLater }: ReturnType<typeof marksOf>): string {
  return isLater ? `${description} *No effect yet.*` : description;
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function takesNull(schema: Schema): boolean {
  return z.safeParse(schema, null).success;
}

/** Of a list its element, of a mapping by name what stands under each name. */
function elementOf(schema: Schema): Schema {
  const bare = unwrapped(schema);
  if (bare instanceof z.ZodArray) return bare.element;
  return bare instanceof z.ZodRecord ? bare.valueType : bare;
}

function shapeOf(schema: Schema): Readonly<Record<string, Schema>> {
  const bare = unwrapped(schema);
  return bare instanceof z.ZodObject ? bare.shape : {};
}

function literalOf(option: Schema, discriminator: string): string {
  const literal = shapeOf(option)[discriminator];
  const bare = literal === undefined ? null : unwrapped(literal);
  return bare instanceof z.ZodLiteral ? [...bare.values].join('') : '';
}
