// What went wrong, in the server's words, with what can be done.
import { Alert, Button, List, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";

import { ApiError } from "../api/client";
import { texts } from "../texts";

export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = error instanceof ApiError ? error.problem : undefined;
  const offline = error instanceof ApiError && error.status === 0;
  const message = offline ? texts.errors.offline : error instanceof Error ? error.message : "";
  return (
    <Alert
      color="red"
      icon={<IconAlertTriangle aria-hidden />}
      title={problem?.title ?? texts.errors.title}
      role="alert"
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{message}</Text>
        {problem?.errors && problem.errors.length > 0 && (
          <List size="sm">
            {problem.errors.map((one, index) => (
              <List.Item key={index}>
                {one.pointer ? <code>{one.pointer}</code> : null} {one.message}
                {one.fix ? ` – ${one.fix}` : ""}
              </List.Item>
            ))}
          </List>
        )}
        {retry && (
          <Button size="xs" variant="light" color="red" onClick={retry}>
            {texts.errors.retry}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}
