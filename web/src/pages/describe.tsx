import {
  Button,
  Group,
  Loader,
  Paper,
  Skeleton,
  Stack,
  Text,
  Textarea,
  UnstyledButton,
} from "@mantine/core";
import { useState } from "react";
import { useSearchParams } from "react-router";

import type { Plan } from "../api/client";
import { usePlan } from "../api/queries";
import { Failure } from "../shell/failure";
import { PageTitle } from "../shell/shell";
import { texts } from "../texts";
import { Review } from "./review";

function Examples({ onChoose }: { onChoose: (sentence: string) => void }) {
  return (
    <Stack gap="xs">
      <Text size="sm" c="dimmed">
        {texts.describe.examples}
      </Text>
      {texts.describe.ownExamples.map((sentence) => (
        <UnstyledButton key={sentence} onClick={() => onChoose(sentence)}>
          <Paper withBorder px="md" py="xs">
            <Text size="sm">{sentence}</Text>
          </Paper>
        </UnstyledButton>
      ))}
    </Stack>
  );
}

export function Describe() {
  const [parameters, setParameters] = useSearchParams();
  const [sentence, setSentence] = useState(parameters.get("q") ?? "");
  const plan = usePlan();

  const submit = (query: string) => {
    if (query.trim() === "") return;
    setSentence(query);
    setParameters({ q: query }, { replace: true });
    plan.mutate(query);
  };

  return (
    <Stack gap="lg">
      <div>
        <PageTitle>{texts.describe.title}</PageTitle>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            submit(sentence);
          }}
        >
          <Stack gap="sm">
            <Textarea
              aria-label={texts.describe.title}
              description={texts.describe.hint}
              inputWrapperOrder={["label", "input", "description", "error"]}
              placeholder={texts.describe.placeholder}
              autosize
              minRows={2}
              maxRows={10}
              size="md"
              value={sentence}
              onChange={(event) => setSentence(event.currentTarget.value)}
              onKeyDown={(event) => {
                // Enter sends; Shift and Enter begins a new line.
                if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
                event.preventDefault();
                submit(sentence);
              }}
            />
            <Group>
              <Button type="submit" loading={plan.isPending} disabled={sentence.trim() === ""}>
                {texts.describe.submit}
              </Button>
            </Group>
          </Stack>
        </form>
      </div>
      <div aria-live="polite">
        {plan.isPending && (
          <Stack gap="sm">
            <Group gap="xs">
              <Loader size="xs" />
              <Text size="sm" c="dimmed">
                {texts.describe.thinking}
              </Text>
            </Group>
            <Skeleton height={420} />
          </Stack>
        )}
        {plan.isError && <Failure error={plan.error} retry={() => submit(sentence)} />}
        {plan.data && <Review key={plan.submittedAt} plan={plan.data as Plan} />}
        {plan.isIdle && <Examples onChoose={submit} />}
      </div>
    </Stack>
  );
}
