//! Who may do what.

use super::{Command, Flag, Words, flags::SERVER_ADDRESS, planned::not_built};

const RULE: &[Flag] = &[
    Flag::text(&["scope"], "NAME", "scope that an account must have"),
    Flag::text(&["resource"], "TYPE:NAME:ENDPOINT", "what the rule is for"),
    Flag::text(&["access"], "WORD", "granted or denied").default("granted"),
    Flag::integer(&["priority"], "the higher one decides"),
];

pub(super) const COMMANDS: &[Command] = &[
    Command::new("auth", "Manage authentication related resources")
        .commands(&[
            Command::new("api", "Run the auth api")
                .flags(&[
                    SERVER_ADDRESS,
                    Flag::text(&["auth_provider"], "NAME", "basic or oauth").variable("MICRO_AUTH_PROVIDER"),
                    Flag::text(&["auth_public_key"], "TEXT", "key that proves tokens, base64 of PEM")
                        .variable("MICRO_AUTH_PUBLIC_KEY"),
                    Flag::text(&["auth_private_key"], "TEXT", "key that signs tokens, base64 of PEM")
                        .variable("MICRO_AUTH_PRIVATE_KEY"),
                ])
                .run(not_built),
            Command::new("list", "List auth resources").commands(&[
                Command::new("rules", "List auth rules").run(not_built),
                Command::new("accounts", "List auth accounts").run(not_built),
            ]),
            Command::new("create", "Create an auth resource").commands(&[
                Command::new("rule", "Create an auth rule")
                    .usage("ID")
                    .needs(1, "Too many arguments, expected one argument: ID")
                    .flags(RULE)
                    .run(not_built),
                Command::new("account", "Create an auth account")
                    .usage("ID")
                    .wants(1, "Missing argument: ID")
                    .flags(&[
                        Flag::text(&["secret"], "TEXT", "secret of the account"),
                        Flag::text(&["scopes"], "NAMES", "scopes of the account").many(),
                    ])
                    .run(not_built),
            ]),
            Command::new("delete", "Delete a auth resource").commands(&[Command::new("rule", "Delete an auth rule")
                .usage("ID")
                .needs(1, "Expected one argument: ID")
                .flags(RULE)
                .run(not_built)]),
        ])
        .words(Words::Commands)
        .run(not_built),
    Command::new("login", "Login using a token")
        .usage("[ID SECRET]")
        .flags(&[Flag::text(&["token"], "TOKEN", "token to log in with")])
        .run(not_built),
    Command::new("whoami", "Account information").run(not_built),
];
