import { exitPorts, smtpPolicy } from '../../../tests/fakes/exits.ts';
import { startSmtpSink } from '../../../tests/fakes/smtp-sink.ts';
import { testEgress, type EgressUnderTest } from '../egress.contract.ts';
import { openSmtpEgress } from './smtp-egress.ts';

async function open(): Promise<EgressUnderTest> {
  const sink = await startSmtpSink();
  const egress = openSmtpEgress('upstream', smtpPolicy(sink.port), exitPorts());
  return {
    egress,
    arrived: () =>
      Promise.resolve(
        sink.accepted.map(({ sender, recipients, content }) => ({
          sender,
          recipients: recipients.map(({ address }) => address),
          content,
        })),
      ),
    breakDown: () => sink.stop(),
    [Symbol.asyncDispose]: async () => {
      await egress[Symbol.asyncDispose]();
      await sink.stop();
    },
  };
}

testEgress('smtp', open);
