/** All pages: a line for each. */
import type { RouteNeeds } from '../needs.ts';
import type { Page } from '../page.ts';
import { accessPage } from './access.ts';
import { alertsPage } from './alerts.ts';
import { exitPage } from './exit.ts';
import { exitsPage } from './exits.ts';
import { messagePage } from './message.ts';
import { messagesPage } from './messages.ts';
import { overviewPage } from './overview.ts';
import { policyPage } from './policy.ts';
import { policySettingsPage } from './policy-settings.ts';
import { wizardPage } from './wizard.ts';
import { queuePage } from './queue.ts';
import { costsPage } from './report-costs.ts';
import { bouncesPage } from './reports.ts';
import { signInPage } from './sign-in.ts';
import { suppressionPage } from './suppression.ts';

export function allPages(needs: RouteNeeds): readonly Page[] {
  return [
    overviewPage(needs),
    alertsPage(needs),
    exitsPage(needs),
    exitPage(needs),
    queuePage(needs),
    messagesPage(needs),
    messagePage(needs),
    suppressionPage(needs),
    bouncesPage(needs),
    costsPage(needs),
    policyPage(needs),
    policySettingsPage(needs),
    wizardPage(needs),
    accessPage(needs),
    signInPage(),
  ];
}
