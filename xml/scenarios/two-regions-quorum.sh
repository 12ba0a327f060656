#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes the configuration of two-regions-quorum.xml: four nodes, two in each of two regions, and a
# quorum device in a third. The XML file says why each setting is there.
#
# Run it once, on one node of a new cluster, which is made like this:
#
#   pcs host auth n1 n2 n3 n4 arbiter
#   pcs cluster setup web n1 n2 n3 n4 totem token=5000
#   pcs cluster start --all --wait
#   pcs quorum device add model net host=arbiter algorithm=ffsplit
#
# Change first: names of nodes, regions, ids of instances, addresses, and the service.
set -eu

cib=$(mktemp)
trap 'rm -f "$cib" "$cib.before"' EXIT
pcs cluster cib "$cib"
cp "$cib" "$cib.before"

change() {
    pcs -f "$cib" "$@"
}

change property set no-quorum-policy=stop stonith-enabled=true concurrent-fencing=true
change resource defaults update resource-stickiness=1000

change node attribute n1 region=ap-northeast-1
change node attribute n2 region=ap-northeast-3
change node attribute n3 region=ap-northeast-1
change node attribute n4 region=ap-northeast-3

change stonith create fence-tokyo fence_aws region=ap-northeast-1 \
    pcmk_host_map="n1:i-0a000000000000001;n3:i-0a000000000000003" \
    skip_race_check=1 pcmk_reboot_timeout=60s pcmk_action_limit=-1 \
    op start timeout=30s op monitor interval=60s timeout=30s meta failure-timeout=10min
change constraint location fence-tokyo rule score=200 region ne ap-northeast-1
change stonith create fence-osaka fence_aws region=ap-northeast-3 \
    pcmk_host_map="n2:i-0a000000000000002;n4:i-0a000000000000004" \
    skip_race_check=1 pcmk_reboot_timeout=60s pcmk_action_limit=-1 \
    op start timeout=30s op monitor interval=60s timeout=30s meta failure-timeout=10min
change constraint location fence-osaka rule score=200 region ne ap-northeast-3

change resource create vip ocf:aws:transit-gateway-vip ip="10.1.0.10 2001:db8:200::10" \
    op monitor interval=5s timeout=30s \
    op monitor interval=61s role=Stopped timeout=30s --group web
change resource create service ocf:heartbeat:nginx configfile=/srv/nginx.conf \
    op monitor interval=5s timeout=30s --group web
change constraint location web rule score=500 region eq ap-northeast-1

pcs cluster cib-push "$cib" diff-against="$cib.before"
