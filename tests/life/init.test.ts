/** A relay from nothing to its first mail, by `relevo init` alone. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createTransport } from 'nodemailer';
import { expect, test } from 'vitest';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

const ROOT = resolve(import.meta.dirname, '../..');

type Told = {
  readonly password: string;
  readonly admin: { readonly name: string; readonly password: string };
  readonly trial: { readonly message: { readonly trial: { readonly state: string } } };
};

test('what init --yes makes is tested by a message, starts, lets its client in, and sends by its provider', async () => {
  await using sink = await startSmtpSink();
  const folder = mkdtempSync(join(tmpdir(), 'relevo-init-'));
  const [submission, submissions, relayPort, http] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const where = ['--policy', join(folder, 'config/relevo.yaml'), '--data', join(folder, 'data')];
  const options = [
    ['--yes', '--json', '--hostname', 'relay.shop.test', '--domain', 'shop.test', '--time-zone', 'Europe/Madrid'],
    ['--ports', `${submission},${submissions},${relayPort}`, '--test-to', 'you@dest.invalid'],
    ['--provider', `smtp,host=127.0.0.1,port=${sink.port},tls=none,dailyLimit=500`],
  ].flat();
  const stdout = await new Promise<string>((done, fail) => {
    execFile(join(ROOT, 'scripts/relevo'), ['init', ...options, ...where], (error, out, err) =>
      error === null ? done(out) : fail(new Error(out + err)),
    );
  });
  const told = JSON.parse(stdout) as Told;
  expect(told.trial.message.trial.state).toBe('delivered');
  expect(sink.accepted).toHaveLength(1);

  const text = readFileSync(join(folder, 'config/relevo.yaml'), 'utf8');
  await using relay = new RelayProcess(`${text}http: { listen: 127.0.0.1:${http} }\n`, { folder });
  await relay.start();
  const auth = { user: 'app', pass: told.password };
  const transport = createTransport({ host: '127.0.0.1', port: submission, auth, tls: { rejectUnauthorized: false } });
  await transport.sendMail({ from: 'a@shop.test', to: 'b@dest.invalid', subject: 'first', text: 'hello' });
  transport.close();
  await sink.until(() => sink.accepted.length === 2);
  const users = await relay.cli(['user', 'list', '--json']);
  expect(JSON.parse(users.stdout)).toMatchObject({ users: [{ name: told.admin.name, role: 'admin' }] });
  await relay.audit();
});
