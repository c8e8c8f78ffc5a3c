import { Anchor, Stack, Text } from "@mantine/core";
import { Link } from "react-router";

import { texts } from "../texts";

export function Lost() {
  return (
    <Stack>
      <Text>{texts.errors.lost}</Text>
      <Anchor component={Link} to="/">
        {texts.errors.home}
      </Anchor>
    </Stack>
  );
}
