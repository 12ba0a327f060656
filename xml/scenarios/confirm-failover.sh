#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes confirm-failover-booth.conf and the configuration of confirm-failover-tokyo.xml or
# confirm-failover-osaka.xml, which say why each setting is there:
#
#   confirm-failover.sh tokyo|osaka
#
# Run it once in each region, on one node of a new cluster, which is made like this in Tokyo:
#
#   pcs host auth n1 n3
#   pcs cluster setup tokyo n1 n3
#   pcs cluster start --all --wait
#
# In Osaka /etc/booth/booth.key has to be Tokyo's: `pcs booth pull n1` brings it with booth.conf.
# Then, in each region `pcs booth sync`, and on the arbitrator `pcs booth pull n1`,
# `pcs booth enable` and `pcs booth start`.
#
# Change first: names of nodes, regions, ids of instances, addresses, and the service.
set -eu

tokyo_site=10.1.1.10 osaka_site=10.1.2.10 arbitrator=10.4.2.200
case ${1-} in
tokyo)
    site=$tokyo_site region=ap-northeast-1
    instances="n1:i-0a000000000000001;n3:i-0a000000000000003"
    ;;
osaka)
    site=$osaka_site region=ap-northeast-3
    instances="n2:i-0a000000000000002;n4:i-0a000000000000004"
    ;;
*)
    echo "usage: confirm-failover.sh tokyo|osaka" >&2
    exit 2
    ;;
esac

if [ ! -e /etc/booth/booth.conf ]; then
    pcs booth setup sites "$tokyo_site" "$osaka_site" arbitrators "$arbitrator"
    pcs booth ticket add web mode=manual
fi

cib=$(mktemp)
trap 'rm -f "$cib" "$cib.before"' EXIT
pcs cluster cib "$cib"
cp "$cib" "$cib.before"

change() {
    pcs -f "$cib" "$@"
}

change property set stonith-enabled=true priority-fencing-delay=5s
change resource defaults update resource-stickiness=1000

change stonith create fence fence_aws region="$region" pcmk_host_map="$instances" \
    op start timeout=60s op monitor interval=60s timeout=60s meta failure-timeout=60s

change resource create booth-ip ocf:aws:route-table-vip ip="$site" \
    op monitor interval=10s timeout=30s --group booth
change resource create booth-site ocf:pacemaker:booth-site config=/etc/booth/booth.conf \
    op monitor interval=10s timeout=20s --group booth

change resource create vip ocf:aws:transit-gateway-vip ip="10.1.0.10 2001:db8:200::10" \
    op monitor interval=5s timeout=30s on-fail=stop \
    op monitor interval=61s role=Stopped timeout=30s --group web
change resource create service ocf:heartbeat:nginx configfile=/srv/nginx.conf \
    op monitor interval=5s timeout=30s --group web
change resource meta web priority=10
change constraint ticket add web web loss-policy=stop id=web-needs-ticket

pcs cluster cib-push "$cib" diff-against="$cib.before"
