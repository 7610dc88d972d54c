/** compose.yaml and config/kubernetes say what the relay needs; both are texts that nothing else here runs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { hashPassword } from '../src/policy/password.ts';
import { loadPolicy } from '../src/policy/file/load.ts';
import { formatProblem } from '../src/policy/file/problem.ts';

const ROOT = join(import.meta.dirname, '..');
const KUBERNETES = ['namespace', 'redis', 'policy', 'relevo', 'kustomization'] as const;
const DURABLE = '--appendonly yes --appendfsync always --maxmemory-policy noeviction';

type Manifest = {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly resources?: readonly string[];
  readonly spec?: {
    readonly ports?: readonly { readonly port: number; readonly targetPort: string }[];
    readonly template?: { readonly spec: { readonly containers: readonly Container[] } };
  };
};
type Container = {
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
};

function documentsOf(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(join(ROOT, file), 'utf8'), { merge: true }).map((document) => {
    expect(document.errors.map(String)).toEqual([]);
    return document.toJS() as Manifest;
  });
}

const manifests = KUBERNETES.flatMap((name) => documentsOf(`config/kubernetes/${name}.yaml`));

function manifest(kind: string, name: string): Manifest {
  const found = manifests.find((one) => one.kind === kind && one.metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

function containerOf(name: string): Container {
  const [container] = manifest('StatefulSet', name).spec?.template?.spec.containers ?? [];
  if (container === undefined) throw new Error(`${name} has no container`);
  return container;
}

describe('on Kubernetes', () => {
  test('the policy of the nodes loads without a problem', async () => {
    const hash = await hashPassword('a password', Buffer.alloc(16, 7));
    const text = manifest('ConfigMap', 'relevo-policy').data?.['relevo.yaml'] ?? '';
    const result = loadPolicy({ file: 'relevo.yaml', text, env: {}, readFile: () => hash });
    expect(result.kind === 'refused' ? result.problems.map(formatProblem) : []).toEqual([]);
    expect(result.kind).toBe('loaded');
  });

  test('each port of the Service leads to one that the policy listens on', () => {
    const text = manifest('ConfigMap', 'relevo-policy').data?.['relevo.yaml'] ?? '';
    const listening = [...text.matchAll(/\{ port: (\d+),/g)].map((match) => Number(match[1]));
    const byName = new Map(containerOf('relevo').ports.map(({ name, containerPort }) => [name, containerPort]));
    const led = (manifest('Service', 'relevo').spec?.ports ?? []).map(({ targetPort }) => byName.get(targetPort));
    expect(led).toEqual(listening);
  });

  test('Redis is one that can keep what 250 promises', () => {
    expect(containerOf('redis').args.join(' ')).toContain(DURABLE);
  });

  test('every manifest is applied', () => {
    const [kustomization] = documentsOf('config/kubernetes/kustomization.yaml');
    expect(kustomization?.resources?.toSorted()).toEqual(
      KUBERNETES.slice(0, 4)
        .map((name) => `${name}.yaml`)
        .toSorted(),
    );
  });
});

test('compose: Redis is one that can keep what 250 promises', () => {
  const compose = readFileSync(join(ROOT, 'compose.yaml'), 'utf8');
  const [parsed] = parseAllDocuments(compose, { merge: true });
  expect(parsed?.errors).toEqual([]);
  expect(compose).toContain(`redis-server ${DURABLE}`);
});
