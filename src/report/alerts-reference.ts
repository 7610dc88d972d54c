import { ALERT_KINDS, type AlertKindFacts } from '../message/alert-kind.ts';

/** `docs/alerts.md`, whole, made from the one table of alerts. */
export function alertsReference(): string {
  const rows = Object.entries(ALERT_KINDS) as [string, AlertKindFacts][];
  return [
    INTRODUCTION,
    '| alert | severity | when | what to do |',
    '| --- | --- | --- | --- |',
    ...rows.map(([kind, facts]) => `| \`${kind}\` | ${facts.severity} | ${facts.when} | ${facts.todo} |`),
    '',
    `Each node has its own: ${listed(rows, (facts) => facts.of === 'node')}. The others mean the same on all nodes.`,
    '',
    `About an exit, by which no mail about alerts goes meanwhile: ${listed(rows, (facts) => facts.exit === true)}.`,
    '',
    FORMS,
  ].join('\n');
}

function listed(rows: readonly [string, AlertKindFacts][], is: (facts: AlertKindFacts) => boolean): string {
  return rows.flatMap(([kind, facts]) => (is(facts) ? [`\`${kind}\``] : [])).join(', ');
}

const INTRODUCTION = `# Alerts

Generated from \`src/message/alert-kind.ts\` by \`npm run generate\`; do not edit.

\`\`\`yaml
alerts:
  to:
    - oncall@example.com
    - https://hooks.slack.com/services/…          # {"text": …}; other chats: { url: …, form: slack }
    - { url: "https://ops.example.com/relevo", secret: "\${HOOK_SECRET}" }
    - { mail: boss@example.com, severity: critical }
  failureRate: 10%          # of the attempts of the last hour, for each exit
  queueAge: 30m
  quiet: [{ from: "22:00", to: "07:00", except: [critical] }]
\`\`\`

An alert is raised once, and over once. It stands in the log (\`event: alert\`), in \`relevo_alerts\`, in \`relevo alert list\`, on the
pages, and those in \`alerts.to\` are told; where the policy names nobody, the \`postmaster\` is, if the policy names one.
\`relevo alert test\` (\`POST /api/v1/alerts/test\`) sends everybody a test, and says what came of each.

- **Once.** One notice for each alert. Of several nodes on one Redis one tells. What is still so after \`repeat\` (a day) is told again;
  what became worse at once. \`relevo alert acknowledge NAME\` says that somebody has seen it: nothing more until it is over.
- **Over.** Told once that has lasted for \`calm\` (5 minutes): what comes and goes faster is one notice.
- **Gathered.** What comes within \`gather\` (30 s) is one mail and one post, the worst first; of a storm as many as fit, the others counted.
- **Quiet.** In \`quiet\` times nobody is told, but of what is excepted; at their end everybody is, of what is still so.
- **Severity.** As the table says, or as \`alerts.severity\` has it; \`alerts.off\` has kinds that nobody is told of.
- **Not lost.** A notice is kept in the store before anybody has it, and sent again by the next life of the relay, or by another
  node. A mail is queued once, whatever happens in between; a post may come twice and has the same \`id\`. Who takes no post is asked
  again for a day. While the store is away, what that node knows is posted all the same.
- **Not by the exit that it is about.** Mail about alerts is the relay's own, with high priority. It avoids every exit that an alert
  in force is about. Where that leaves none, it waits for a day: **give \`alerts.to\` a URL where there is one exit only.**
  Once the exit works again, the notice that it is over says from when to when it was so.

After a restart an alert that was in force is over once 15 minutes passed in which nobody raised it again.

## Every alert

What stands behind a colon in a name is what it is about: \`egress-down:smtp-1\`.
`;

const FORMS = `## The form of a post

\`Content-Type: application/json\`; with a \`secret\`, \`Relevo-Signature\` as in [webhooks.md](webhooks.md). Slack and \`form: slack\` get
\`{"text": …}\`, the same words as a mail.

\`\`\`json
{"id": "5f0c…", "at": "2026-11-22T12:00:31.000Z", "relay": "relay.example.com", "test": false,
 "alerts": [{"name": "egress-down:smtp-1", "kind": "egress-down", "about": "smtp-1", "node": null, "severity": "critical",
   "state": "raised", "told": "raised", "text": "smtp-1 is down: …", "since": "2026-11-22T12:00:00.000Z", "over": null,
   "todo": "…", "link": null}],
 "more": {"egress-resting": 240}}
\`\`\`

\`told\`: \`raised\`, \`worse\`, \`changed\` (another text), \`reminder\`, \`brief\` (over before it could be told), \`over\`. \`more\`: alerts
that there was no room for, by kind; \`GET /api/v1/alerts\` has them all. \`link\`: where something can be done about it, such as
the signed one that lets a client's mail go ([clients.md](clients.md)).

## Reports by mail

\`\`\`yaml
reports:
  - { every: week, at: "07:00", to: [boss@example.com] }   # day, week (from Monday), month
\`\`\`

Sent, failed and queued, what each exit did and cost, the most frequent reasons of bounces, the alerts of the time, and what might be
done; as text and as simple HTML. Each period is reported once, over restarts and nodes; one that passed while no relay ran is
reported when one runs again, if it was the last. \`relevo report send\` sends those that the policy names now;
\`relevo report send monthly --to boss@example.com\` sends that of the last month to somebody else; so does the page Reports.
`;
