import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { PolicyVersions } from '../../operations/policy/versions.ts';
import { wizardBase } from '../../operations/wizard/wizard.ts';
import { ANSWERS, faultsOf, type WizardAnswers, type WizardInput } from '../../operations/wizard/answers.ts';
import { setUpWizard, type WizardSetup } from '../../operations/wizard/setup.ts';
import { tryAnswers, type WizardTrial } from '../../operations/wizard/trial.ts';
import { formatProblem } from '../../policy/file/problem.ts';
import type { Policy } from '../../policy/schema.ts';
import { prepareFolder } from '../../spool/embedded/database.ts';
import { openEmbeddedSpool } from '../../spool/embedded/spool.ts';
import { canSendFrom, systemDial } from '../../system.ts';
import { makeCertificate } from '../../foundation/certificate-pair.ts';
import { addCommand, type Cli, type ExitCode, type Registry, UsageError } from '../cli.ts';
import { connectControl } from '../../control/client.ts';
import { placeData, type Where } from '../../foundation/data-folder.ts';
import { givenAnswers, type InitOptions, portsOf } from './options.ts';
import { doneText, trialText } from './text.ts';
import { json } from '../output.ts';
import { shownPath } from '../policy/policy-file.ts';
import { cliAuthor } from '../policy/versions.ts';
import { choosePorts } from '../start/ports-probe.ts';
import { withOperations } from '../reach.ts';
import { createFile, replaceFile } from '../../running/whole-file.ts';

const HELP = `
Five steps: providers, basics, advanced, test, done. On a terminal it asks; with --yes it takes what the options say. An
existing policy is left alone without --force, and kept as a version with it. Passwords are shown once.

  relevo init --yes --hostname relay.example.com --domain example.com \\
    --provider 'smtp,host=smtp.example.com,username=relay,password=\${SMTP_PASSWORD_1}'

Providers: mx · smtp,host=,port=,tls=,username=,password= · sendgrid,apiKey= · mailgun,domain=,apiKey=,region= ·
ses,region=,accessKeyId=,secretAccessKey=; each may have name= and dailyLimit=. What is a secret goes into a file of its own
unless it names a variable. Exit code 1 when no policy was written.`;

/** `relevo init` */
export function addInit(program: Command, registry: Registry): void {
  addCommand<InitOptions>(program, registry, {
    usage: 'init',
    summary: 'make a first policy, step by step, and test it',
    json: true,
    shape: (command) =>
      command
        .option('--yes', 'ask nothing')
        .option('--force', 'replace the policy that is there')
        .option('--answers <file>', 'answers as YAML or JSON, "-" for standard input')
        .option('--provider <provider...>', 'by what mail leaves (default: mx, straight to its recipients)')
        .option('--hostname <name>', 'name of this relay')
        .option('--domain <domain>', 'domain that mail is sent as')
        .option('--postmaster <address>', 'gets double bounces (default: postmaster@hostname)')
        .option('--client <name>', 'the first client (default: app)')
        .option('--network <network...>', 'networks from which the client needs no password')
        .option('--alerts-to <address...>', 'who is told when something is wrong')
        .option('--warmup', 'the sending addresses are new: begin slowly')
        .option('--time-zone <zone>', 'where days begin (default: UTC)')
        .option(
          '--ports <ports>',
          'submission, submissions and relay (default: 587,465,25, or what this user may bind)',
        )
        .option('--no-test', 'test nothing')
        .option('--test-to <address>', 'send a test message there')
        .option('--admin <name>', 'the first user of the pages', 'admin')
        .option('--no-admin', 'none')
        .addHelpText('after', HELP),
    run: (cli, { options, where }) => init(cli, where, options),
  });
}

async function init(cli: Cli, where: Where, options: InitOptions): Promise<ExitCode> {
  const { terminal } = cli;
  const file = shownPath(cli, where.policyFile);
  if (existsSync(where.policyFile) && options.force !== true) {
    terminal.err(`relevo: there is a policy already: ${file}. --force replaces it, and keeps it as a version\n`);
    return 1;
  }
  const answers = await answersOf(cli, options);
  if (answers === null) return 1;
  const ports = portsOf(options.ports) ?? (await choosePorts());
  prepareFolder(where.dataFolder);
  const base = wizardBase({ ports });
  const ask = { ...where, shownPolicyFile: file, env: cli.env, nowMs: cli.clock.nowMs() };
  const setup = await setUpWizard({ ...ask, answers, base });
  const loaded = policyOf(cli, where, setup);
  if (setup.kind === 'failed' || loaded === null) return 1;
  const trial = options.test ? await tested(cli, loaded, { answers, testTo: options.testTo ?? null }) : null;
  if (trial !== null && options.json !== true) terminal.out(`${trialText(trial)}\n`);
  if (trial !== null && options.yes !== true && !trial.exits.every(({ isWell }) => isWell)) {
    const { askAnyway } = await import('./prompts.ts');
    if (!(await askAnyway('An exit does not work. Write the policy all the same?'))) return 1;
  }
  await write(cli, where, setup);
  const isRunning = (await connectControl(where.dataFolder)).kind === 'connected';
  const admin =
    options.admin === false ? null : await firstAdmin(cli, where, { name: options.admin, policy: loaded, isRunning });
  const told = {
    policyFile: file,
    ...passwords(answers, setup),
    admin,
    ports,
    httpListen: loaded.http.listen,
    trial,
    isRunning,
  };
  terminal.out(options.json === true ? json(told) : doneText(told));
  return 0;
}

function passwords({ basics }: WizardAnswers, { password }: Extract<WizardSetup, { kind: 'made' }>) {
  return { domain: basics.domain, client: basics.client, password };
}

/** null: it was broken off, or what was given is not enough; that is told. */
async function answersOf(cli: Cli, options: InitOptions): Promise<WizardAnswers | null> {
  const given = await givenAnswers(cli, options);
  const isAsked = options.yes !== true && cli.terminal.inputIsTty && options.answers === undefined;
  let whole: Partial<WizardInput> | null = given;
  if (isAsked) {
    const { askAnswers } = await import('./prompts.ts');
    whole = await askAnswers(given);
  }
  if (whole === null) return null;
  const faults = faultsOf(whole);
  if (faults.length > 0) {
    const lines = faults.map(({ step, path, text }) => `  ${step}${path === '' ? '' : `.${path}`}: ${text}`);
    throw new UsageError(`the answers are not sound:\n${lines.join('\n')}`);
  }
  return ANSWERS.parse(whole);
}

/** null: it would be refused; that is told. */
function policyOf(cli: Cli, where: Where, setup: WizardSetup): Policy | null {
  const { terminal } = cli;
  if (setup.kind === 'failed') {
    terminal.err(`relevo: ${setup.cause}\n`);
    return null;
  }
  const { loaded } = setup;
  if (loaded.kind === 'loaded') return placeData(loaded.policy, where);
  terminal.err(`relevo: nothing was written, for it would be refused:\n`);
  for (const problem of loaded.problems) terminal.err(`  ${formatProblem(problem)}\n`);
  return null;
}

async function tested(
  cli: Cli,
  policy: Policy,
  { answers, testTo }: { readonly answers: WizardAnswers; readonly testTo: string | null },
): Promise<WizardTrial> {
  const ports = { clock: cli.clock, random: cli.random, dns: cli.dns(policy.dns.servers), dial: systemDial };
  return tryAnswers({ policy, domain: answers.basics.domain, testTo }, { ports, canSendFrom });
}

/** Secrets and certificate first, the policy last and as a whole. What was there is kept as a version. */
async function write(cli: Cli, where: Where, setup: Extract<WizardSetup, { kind: 'made' }>): Promise<void> {
  const { policyFile, dataFolder } = where;
  const { text, secrets, loaded } = setup;
  await mkdir(dirname(policyFile), { recursive: true });
  const certs = resolve(dirname(policyFile), '../certs');
  await mkdir(certs, { recursive: true });
  const hostname = loaded.kind === 'loaded' ? loaded.policy.hostname : 'localhost';
  const certificate = { certFile: join(certs, 'relay.crt'), keyFile: join(certs, 'relay.key'), hostname };
  const trouble = await makeCertificate({ ...certificate, nowMs: cli.clock.nowMs() });
  if (trouble !== null) cli.terminal.err(`relevo: ${trouble}\n`);
  await secrets.write();
  const versions = new PolicyVersions(dataFolder);
  const atMs = cli.clock.nowMs();
  if (existsSync(policyFile)) {
    const before = readFileSync(policyFile, 'utf8');
    await versions.record({ text: before, version: '', atMs });
  }
  await versions.announce(text, { by: cliAuthor(), what: 'wizard', comment: '' });
  if (!(await createFile(policyFile, text))) await replaceFile(policyFile, text);
}

/** null: there is somebody already, or it cannot be done now; that is told. */
async function firstAdmin(
  cli: Cli,
  where: Where,
  {
    name,
    policy: { spool },
    isRunning,
  }: { readonly name: string; readonly policy: Policy; readonly isRunning: boolean },
): Promise<{ readonly name: string; readonly password: string | null } | null> {
  try {
    // Users are kept in the store, which a first start makes otherwise.
    if (!isRunning && spool.engine === 'embedded')
      await (await openEmbeddedSpool({ ...spool, clock: cli.clock }))[Symbol.asyncDispose]();
    return await withOperations(cli, where, async (operations) => {
      if ((await operations.users()).length > 0) return null;
      const { password } = await operations.addUser({ name, role: 'admin', password: null });
      return { name, password };
    });
  } catch (error) {
    cli.terminal.err(`relevo: no user was made: ${error instanceof Error ? error.message : String(error)}\n`);
    return null;
  }
}
