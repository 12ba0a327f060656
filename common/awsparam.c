/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "awsparam.h"

#define DAY_MS 86400000

const struct param awsparam_rows[] = {
    {
        .name = "region",
        .type = PARAM_STRING,
        .flags = PARAM_RELOADABLE,
        .max = 32,
        .offset = offsetof(struct aws_params, region),
        .shortdesc = {"AWS region", "AWS リージョン"},
        .longdesc = {"Region that the calls go to. Default: the region of the instance, from its "
                     "metadata service.",
                     "API を呼び出すリージョン。省略時はインスタンス自身のリージョン"
                     "(メタデータサービスから取得)。"},
    },
    {
        .name = "profile",
        .type = PARAM_STRING,
        .flags = PARAM_RELOADABLE,
        .max = 128,
        .offset = offsetof(struct aws_params, profile),
        .shortdesc = {"Profile of the credentials file", "認証情報ファイルのプロファイル名"},
        .longdesc = {"Named profile of the shared credentials and config files. Default: the "
                     "standard chain of environment, web identity, container and instance role.",
                     "共有認証情報ファイルと設定ファイルのプロファイル名。省略時は環境変数、"
                     "Web ID、コンテナ、インスタンスロールの順に探します。"},
    },
    {
        .name = "credentials_file",
        .type = PARAM_STRING,
        .flags = PARAM_RELOADABLE,
        .max = 1024,
        .offset = offsetof(struct aws_params, credentials_file),
        .shortdesc = {"Path of the credentials file", "認証情報ファイルのパス"},
        .longdesc = {"File with the profile, in the format of ~/.aws/credentials or ~/.aws/config. "
                     "It is read at every action, so new keys need no restart.",
                     "プロファイルを含むファイル (~/.aws/credentials または ~/.aws/config の"
                     "書式)。毎回読み直すため、鍵を替えても再起動は要りません。"},
    },
    {
        .name = "role_arn",
        .type = PARAM_ROLES,
        .flags = PARAM_RELOADABLE,
        .offset = offsetof(struct aws_params, role_arn),
        .shortdesc = {"IAM role to assume", "引き受ける IAM ロール"},
        .longdesc = {"ARN of a role that is assumed before any other call: for route tables of "
                     "another account, as with a shared VPC. Regions of different accounts have "
                     "REGION=ARN each, separated by spaces or commas; an ARN without a region is "
                     "for all others.",
                     "他の呼び出しの前に引き受けるロールの ARN。共有 VPC など、別アカウントの"
                     "ルートテーブルを扱う場合に指定します。リージョンごとにアカウントが異なる"
                     "場合は「リージョン=ARN」を空白かコンマで区切って並べます。リージョンの無い "
                     "ARN はその他のすべてのリージョンに使います。"},
    },
    {
        .name = "external_id",
        .type = PARAM_STRING,
        .flags = PARAM_RELOADABLE,
        .max = 1224,
        .offset = offsetof(struct aws_params, external_id),
        .shortdesc = {"External id for role_arn", "role_arn の外部 ID"},
        .longdesc = {"External id that the trust policy of role_arn asks for.",
                     "role_arn の信頼ポリシーが要求する外部 ID。"},
    },
    {
        .name = "endpoint_url",
        .type = PARAM_URL,
        .flags = PARAM_RELOADABLE,
        .offset = offsetof(struct aws_params, endpoint_url),
        .shortdesc = {"Base URL of the AWS services", "AWS サービスの基底 URL"},
        .longdesc = {"Base URL for all services, in which {service} and {region} are replaced: VPC "
                     "interface endpoints, proxies, labs. Default: AWS_ENDPOINT_URL, else the "
                     "public endpoint of the region.",
                     "全サービスの基底 URL。{service} と {region} は置き換えられます。VPC "
                     "インターフェイスエンドポイントなどに使います。省略時は AWS_ENDPOINT_URL、"
                     "それも無ければリージョンの公開エンドポイント。"},
    },
    {
        .name = "metadata_url",
        .type = PARAM_URL,
        .flags = PARAM_RELOADABLE,
        .offset = offsetof(struct aws_params, metadata_url),
        .shortdesc = {"Base URL of the instance metadata service",
                      "インスタンスメタデータサービスの基底 URL"},
        .longdesc =
            {"Base URL of IMDS, of which only version 2 is used; http://[fd00:ec2::254] for "
             "IPv6-only nodes. Default: AWS_EC2_METADATA_SERVICE_ENDPOINT, else "
             "http://169.254.169.254.",
             "IMDS の基底 URL (バージョン 2 のみ使用)。IPv6 のみのノードでは "
             "http://[fd00:ec2::254]。省略時は AWS_EC2_METADATA_SERVICE_ENDPOINT、それも"
             "無ければ http://169.254.169.254。"},
    },
    {
        .name = "proxy",
        .type = PARAM_URL,
        .flags = PARAM_RELOADABLE,
        .offset = offsetof(struct aws_params, proxy),
        .shortdesc = {"Proxy for AWS calls", "AWS 呼び出し用プロキシ"},
        .longdesc = {"Proxy for the AWS API, http://HOST:PORT. Never used for IMDS. Default: "
                     "https_proxy and no_proxy of the environment.",
                     "AWS API 用のプロキシ (http://HOST:PORT)。IMDS には使いません。省略時は"
                     "環境変数 https_proxy と no_proxy。"},
    },
    {
        .name = "ca_file",
        .type = PARAM_STRING,
        .flags = PARAM_RELOADABLE,
        .max = 1024,
        .offset = offsetof(struct aws_params, ca_file),
        .shortdesc = {"File with trusted certificates", "信頼する証明書のファイル"},
        .longdesc = {"PEM file with the certificates to trust instead of the system's. Default: "
                     "AWS_CA_BUNDLE, else the system's trust store.",
                     "システムの証明書の代わりに信頼する証明書の PEM ファイル。省略時は "
                     "AWS_CA_BUNDLE、それも無ければシステムの証明書。"},
    },
    {
        .name = "api_timeout",
        .type = PARAM_DURATION,
        .flags = PARAM_RELOADABLE,
        .initial = "5s",
        .min = 100,
        .max = 60000,
        .offset = offsetof(struct aws_params, api_timeout_ms),
        .shortdesc = {"Longest time of one attempt", "1 回の試行の上限時間"},
        .longdesc = {"Cap of one attempt of an API call. Attempts are repeated until the timeout "
                     "of the action.",
                     "API 呼び出し 1 回の試行の上限。アクションのタイムアウトまで試行を"
                     "繰り返します。"},
    },
    {
        .name = "on_unknown",
        .type = PARAM_CHOICE,
        .flags = PARAM_RELOADABLE,
        .initial = "degraded",
        .allowed = "degraded|ok|fail",
        .offset = offsetof(struct aws_params, on_unknown),
        .shortdesc = {"What a monitor says when AWS cannot be asked",
                      "AWS に問い合わせできない時の監視結果"},
        .longdesc = {"Result of a recurring monitor while AWS does not answer: degraded (190: the "
                     "resource stays, crm_mon shows why), ok (0), or fail (1: the cluster recovers "
                     "the resource).",
                     "AWS が応答しない間の定期監視の結果。degraded (190: リソースは維持され、"
                     "crm_mon に理由が表示されます)、ok (0)、fail (1: クラスターがリソースを"
                     "復旧します)。"},
    },
    {
        .name = "unknown_limit",
        .type = PARAM_DURATION,
        .flags = PARAM_RELOADABLE,
        .initial = "0",
        .max = DAY_MS,
        .offset = offsetof(struct aws_params, unknown_limit_ms),
        .shortdesc = {"How long AWS may stay silent", "AWS の無応答を許す時間"},
        .longdesc = {"After so long without one answer a monitor fails (1). 0: never.",
                     "この時間、一度も応答が無ければ監視を失敗 (1) にします。0 は無制限。"},
    },
    {0},
};

const struct param awsparam_drift_rows[] = {
    {
        .name = "on_drift",
        .type = PARAM_CHOICE,
        .flags = PARAM_RELOADABLE,
        .initial = "report",
        .allowed = "report|repair",
        .offset = offsetof(struct aws_params, on_drift),
        .shortdesc = {"What to do about a part that was changed by others",
                      "一部が外部から変更された時の動作"},
        .longdesc = {"When a part of the resource points elsewhere while the service is here: "
                     "report it as degraded (190), or repair it in the recurring monitor. When all "
                     "of it points elsewhere, that is a takeover, and never repaired.",
                     "サービスがこのノードにあるのにリソースの一部が他を指す場合の動作。report "
                     "は degraded (190) として報告し、repair は定期監視で修復します。全部が他を"
                     "指す場合は引き継ぎとみなし、修復しません。"},
    },
    {0},
};

/* IFNAMSIZ - 1 characters, which is Linux's limit. */
const struct param awsparam_interface_rows[] = {
    {
        .name = "interface",
        .type = PARAM_STRING,
        .max = 15,
        .shortdesc = {"Network interface", "ネットワークインターフェイス"},
        .longdesc = {"Interface of this node, and so its ENI. Default: the primary one.",
                     "使用するインターフェイス (とその ENI)。省略時はプライマリ。"},
    },
    {0},
};
